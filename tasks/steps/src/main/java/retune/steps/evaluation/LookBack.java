package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import com.mongodb.client.model.Filters;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.Check;
import retune.core.judgement.Comparison;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Metric;
import retune.judgement.Challenger;
import retune.judgement.Challengers;
import retune.judgement.DayAnswers;
import retune.judgement.DayKey;
import retune.judgement.EarlierVersions;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.judgement.OrdinaryRows;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.FeatureSource;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.steps.comparison.EvaluationReport;

@About(
    value =
        "Judges versions of earlier days on the day's rows, at most ten: challengers, which an"
            + " earlier day left undecided, then the best that was ever approved, then the newest"
            + " of those. If one passes, it follows the model in production and nothing is"
            + " trained. Where the model in production has not failed, only challengers that"
            + " the evidence over days has proved better are judged. gate.below_gate holds for"
            + " proved challengers as for fine-tuned candidates.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example = "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class LookBack implements Step<LookBack.Input, LookBack.Output> {
  private static final Logger LOGGER = System.getLogger(LookBack.class.getName());

  /** The dataset's name of an earlier version's evaluation on a later day. */
  private static final String LOOK_BACK = "look_back";

  private static final int MOST = 10;

  /** What is judged where the champion has not failed. */
  private static final String PROVED = "proved challenger";

  private static final String OTHER_FEATURES = "other_features";
  private static final String OTHER_CLASSES = "other_classes";
  private static final String BARRED = "barred";
  private static final String NOT_JUDGED = "not_judged";

  public record Input(
      @Field("the version in production") String modelId,
      @Field("the processed batch, as model/date") String dataPath) {}

  public record Output(
      @Field("whether a version passed, so that nothing is trained") boolean passed,
      @Field("whether a version may follow if a person approves it") boolean asked,
      @Field("whether a proved challenger below the gate follows if no attempt passes")
          boolean fallback,
      @Field("the version that passed") @Nullable String modelId,
      @Field("number of versions judged") int judged,
      @Field(
              "number of versions left out: other_features, other_classes, barred (rolled back), or"
                  + " not_judged (the log has the reason)")
          Map<String, Integer> skipped,
      @Field("the gate's metric") Metric metric,
      @Field("the best version's value of the metric") @Nullable Double value,
      @Field("the least value that passes") double threshold,
      @Field("the value of the version in production on the same rows")
          @Nullable Double championValue,
      @Field("what was found, as a sentence") String reason,
      @Field("the comparison behind the best version's verdict, as an id in comparison_reports")
          @Nullable String report) {}

  @Override
  public Output run(Input input, StepContext context) {
    ProcessedBatch batch = Batch.describe(context, input.dataPath());
    Judgement verdict = Judgement.ofChampion(context, batch);
    DayKey key = verdict.key();
    boolean failed = verdict.verdict().kind() == Kind.NEEDS_RETRAINING;
    Map<String, Check> proofs = proofs(context, batch, verdict);
    Map<String, Integer> skipped = new TreeMap<>();
    List<ModelVersion> candidates =
        candidates(
            failed ? earlier(input, context) : proofs.keySet(), input, context, batch, skipped);
    List<Judgement> judged = judge(candidates, proofs, input, context, batch, key, skipped);
    Optional<Judgement> chosen = EarlierVersions.chosen(judged, failed);
    Optional<Judgement> fallback =
        chosen.isPresent() ? Optional.empty() : EarlierVersions.fallback(judged);
    Optional<Judgement> best = chosen.or(() -> fallback).or(() -> EarlierVersions.best(judged));
    String name = failed ? "earlier version" : PROVED;
    String reason =
        (chosen.isPresent()
                ? approval(context, chosen.get())
                : fallback
                    .map(LookBack::condition)
                    .orElseGet(() -> refusal(context, judged.size(), name, best)))
            + (skipped.isEmpty() ? "" : " " + leftOut(skipped));
    new EarlierVersions(judged, skipped, reason).keep(context, batch, key, chosen);
    LOGGER.log(Level.INFO, reason);
    return new Output(
        chosen.isPresent(),
        judged.stream().anyMatch(Judgement::asked),
        fallback.isPresent(),
        chosen.map(Judgement::modelId).orElse(null),
        judged.size(),
        skipped,
        key.rules().gate().metric(),
        best.map(judgement -> judgement.verdict().value()).orElse(null),
        key.rules().gate().threshold(),
        best.map(Judgement::championValue).orElse(null),
        reason,
        best.isEmpty() ? null : EvaluationReport.idOf(context, best.get(), batch));
  }

  /** The challengers that are better than the champion, the newest first, with the proof. */
  private static Map<String, Check> proofs(
      StepContext context, ProcessedBatch batch, Judgement champion) {
    Map<String, Check> proofs = new LinkedHashMap<>();
    new Challengers(context, batch.model())
        .after(batch, champion).stream()
            .filter(Challenger::isBetter)
            .forEach(challenger -> proofs.put(challenger.modelId(), challenger.proof()));
    return proofs;
  }

  /** The versions that may follow a champion that has failed. */
  private static List<String> earlier(Input input, StepContext context) {
    ModelStore models = new ModelStore(context);
    String model = models.get(input.modelId()).modelName();
    List<String> ids = new ArrayList<>(models.onceApproved(model));
    ids.remove(input.modelId());
    new Champions(context.store())
        .find(model)
        .map(Champion::bestModelId)
        .filter(ids::remove)
        .ifPresent(ids::addFirst);
    ids.addAll(0, models.challengers(model));
    return ids;
  }

  /** The versions to judge; the others are counted. */
  private static List<ModelVersion> candidates(
      Collection<String> ids,
      Input input,
      StepContext context,
      ProcessedBatch batch,
      Map<String, Integer> skipped) {
    ModelStore models = new ModelStore(context);
    ModelVersion champion = models.get(input.modelId());
    Optional<Champion> pointer = new Champions(context.store()).find(champion.modelName());
    List<ModelVersion> candidates = new ArrayList<>();
    for (String modelId : ids) {
      if (candidates.size() == MOST) {
        break;
      }
      ModelVersion version = models.get(modelId);
      if (pointer.flatMap(found -> found.bar(modelId)).isPresent()) {
        skipped.merge(BARRED, 1, Integer::sum);
      } else if (!version.preprocessing().hash().equals(batch.preprocessingHash())) {
        skipped.merge(OTHER_FEATURES, 1, Integer::sum);
      } else if (!version.target().equals(champion.target())) {
        skipped.merge(OTHER_CLASSES, 1, Integer::sum);
      } else if (version.kind() == ModelVersion.Kind.FINETUNED) {
        candidates.add(version);
      }
    }
    return candidates;
  }

  /** A version that cannot be judged is counted; it must not stop the day. */
  private static List<Judgement> judge(
      List<ModelVersion> candidates,
      Map<String, Check> proofs,
      Input input,
      StepContext context,
      ProcessedBatch batch,
      DayKey key,
      Map<String, Integer> skipped) {
    List<Judgement> judged = new ArrayList<>();
    OrdinaryRows ordinary = OrdinaryRows.before(context, batch, input.modelId());
    List<String> ids = candidates.stream().map(ModelVersion::modelId).toList();
    Set<String> compared =
        ids.stream()
            .flatMap(id -> ordinary.comparedWith(id, key.rules()).stream())
            .collect(Collectors.toSet());
    DayAnswers answers = new DayAnswers(context, batch, compared, ids, DayAnswers.MOST_VALUES);
    FeatureSource source = FeatureSource.stored(context, batch);
    for (String id : ids) {
      try {
        int[] rows = answers.unseen(ordinary.judging(id, key.rules()));
        Function<String, MeasuredVersion> measuring = modelId -> answers.measure(modelId, rows);
        MeasuredVersion measured = measuring.apply(id);
        MeasuredVersion champion = measuring.apply(input.modelId());
        double alpha = Comparison.ALPHA / candidates.size();
        Judgement judgement =
            Judgement.ofCandidate(
                context,
                0,
                measured,
                champion,
                source,
                LOOK_BACK,
                ordinary,
                measuring,
                alpha,
                key,
                proofs.get(id));
        EvaluationReport.keep(context, judgement, source, measured, champion, alpha);
        judged.add(judgement);
      } catch (InvalidInputException notJudged) {
        LOGGER.log(Level.WARNING, "{0} is not judged: {1}", id, notJudged.getMessage());
        skipped.merge(NOT_JUDGED, 1, Integer::sum);
      }
    }
    return judged;
  }

  private static String approval(StepContext context, Judgement version) {
    return "%s%s is approved to follow %s without training: %s"
        .formatted(
            version.modelId(),
            version.isProved() ? ", a challenger," : until(context, version.modelId()),
            version.championId(),
            version.verdict().reason());
  }

  private static String condition(Judgement challenger) {
    return "%s, a challenger, follows %s if no attempt passes: %s"
        .formatted(challenger.modelId(), challenger.championId(), challenger.verdict().reason());
  }

  private static String refusal(
      StepContext context, int judged, String name, Optional<Judgement> best) {
    return best.map(
            version ->
                "None of the %d %ss passes. The best is %s%s: %s"
                    .formatted(
                        judged,
                        name,
                        version.modelId(),
                        until(context, version.modelId()),
                        version.verdict().reason()))
        .orElse("There is no %s to judge.".formatted(name));
  }

  private static String leftOut(Map<String, Integer> skipped) {
    int count = skipped.values().stream().mapToInt(Integer::intValue).sum();
    String reasons =
        skipped.entrySet().stream()
            .map(reason -> reason.getKey() + " " + reason.getValue())
            .collect(Collectors.joining(", "));
    return "%d %s left out: %s.".formatted(count, count == 1 ? "is" : "are", reasons);
  }

  /** The day that ended the version's time in production; empty where it never was. */
  private static String until(StepContext context, String modelId) {
    return context
        .store()
        .collection("deployment_events")
        .find(Filters.eq("previous_model_id", modelId))
        .into(new ArrayList<>())
        .stream()
        .max(Comparator.comparing(deployment -> deployment.getString("timestamp")))
        .map(
            deployment ->
                ", in production until %s,"
                    .formatted(
                        deployment.get(
                            "logical_date", deployment.getString("timestamp").substring(0, 10))))
        .orElse("");
  }
}
