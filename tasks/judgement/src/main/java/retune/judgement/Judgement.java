package retune.judgement;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Sorts;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Check;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.Comparison;
import retune.core.judgement.Gate;
import retune.core.judgement.Rules;
import retune.core.judgement.Verdict;
import retune.core.judgement.Verdict.Kind;
import retune.core.judgement.ledger.Superiority;
import retune.core.metrics.Metric;
import retune.model.batch.FeatureSource;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * A verdict on a version in one run. The store keeps verdicts under {@code BATCH/RUN/KEY/ATTEMPT},
 * those on an attempt's second version under {@code BATCH/RUN/KEY/ATTEMPT/alternative}, and those
 * on versions that were approved earlier under {@code BATCH/RUN/KEY/look_back/VERSION}, so that a
 * verdict on other rows or by another gate stands beside it.
 *
 * @param attempt from 1 on for a candidate on the hold-out, 0 for every other version
 * @param isAlternative whether it is the attempt's second version
 * @param modelId the judged version
 * @param championId the version in production, which may be the judged one
 * @param metrics the judged version's, by name
 * @param championMetrics the champion's on the same rows, by name
 * @param key what the day's outcome is decided from
 */
public record Judgement(
    int attempt,
    boolean isAlternative,
    String modelId,
    String championId,
    Verdict verdict,
    Map<String, Double> metrics,
    Map<String, Double> championMetrics,
    JudgedPredictions predictions,
    DayKey key) {
  static final String COLLECTION = "verdicts";

  /** The collection of the verdicts of retrainings, with the same fields. */
  public static final String RETRAININGS = "retraining_judgements";

  /** The champion's place beside the run's other verdicts. */
  private static final String CHAMPION = "0";

  private static final String LOOK_BACK = "look_back/";
  private static final String ALTERNATIVE = "alternative";

  /**
   * Judges a version that might follow the champion, by the loop's rules.
   *
   * @param attempt 0 for an earlier version
   * @param source the features of the batch that both were measured on
   * @param datasetName under which its metrics are kept
   * @param ordinaryRows by which the loop sees what the version loses elsewhere
   * @param others measures another version on the candidate's rows
   * @param alpha the level of this one judgement, see {@link Rules}
   * @param proof of a challenger by the evidence over days that it is better than the champion;
   *     null for any other version
   */
  public static Judgement ofCandidate(
      StepContext context,
      int attempt,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      FeatureSource source,
      String datasetName,
      OrdinaryRows ordinaryRows,
      Function<String, MeasuredVersion> others,
      double alpha,
      DayKey key,
      @Nullable Check proof) {
    Judged judged =
        judge(
            context,
            candidate,
            champion,
            source,
            datasetName,
            ordinaryRows,
            others,
            new Asked(key.rules(), alpha, key.rules().belowGateOf(attempt, proof != null), 0),
            List.of());
    return new Judgement(
        attempt,
        false,
        candidate.version().modelId(),
        champion.version().modelId(),
        proof == null ? judged.verdict() : with(proof, judged.verdict()),
        candidate.evaluation().toMap(),
        champion.evaluation().toMap(),
        judged.predictions(),
        key);
  }

  /**
   * What is asked of a version.
   *
   * @param alpha the level of the verdict
   * @param mayLose how much of the gate's metric it may lose on the judged rows, against the
   *     champion and the best version
   */
  public record Asked(Rules rules, double alpha, BelowGate belowGate, double mayLose) {
    /** Whether losses on the judged rows are measured from the best version, too. */
    boolean permitsLoss() {
      return mayLose > 0 || rules.policy().permitsLoss();
    }
  }

  /** A verdict on a version that might follow the champion, and what it rests on. */
  public record Judged(Verdict verdict, JudgedPredictions predictions) {}

  /**
   * Judges a version that might follow the champion, and keeps its metrics and predictions.
   *
   * @param source see {@link #ofCandidate}, as for the other parameters
   * @param more further checks
   */
  public static Judged judge(
      StepContext context,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      FeatureSource source,
      String datasetName,
      OrdinaryRows ordinaryRows,
      Function<String, MeasuredVersion> others,
      Asked asked,
      List<Check> more) {
    String modelId = candidate.version().modelId();
    Rules rules = asked.rules;
    Comparison comparison =
        new Comparison(
                rules.gate(),
                rules.evidence(),
                asked.alpha,
                candidate.predictions(),
                champion.predictions())
            .with(PolicyInputs.of(context, rules.policy(), candidate, champion, source));
    List<OrdinaryRows.Compared> compared = new ArrayList<>(ordinaryRows.compare(rules, modelId));
    ordinaryRows
        .anchor()
        .beside(modelId)
        .filter(best -> asked.permitsLoss())
        .ifPresent(best -> compared.addAll(anchored(asked, comparison, candidate, best, others)));
    List<Check> checks =
        Stream.of(
                compared.stream().map(OrdinaryRows.Compared::check),
                ordinaryRows.anchor().unanswered().stream(),
                more.stream())
            .flatMap(Function.identity())
            .toList();
    return new Judged(
        comparison.judge(rules.policy(), checks, asked.belowGate, asked.mayLose),
        new JudgedPredictions(
            candidate.keep(context, datasetName),
            champion.keepPredictions(context),
            compared.stream()
                .filter(one -> !one.candidate().isEmpty())
                .map(one -> one.keep(context))
                .toList()));
  }

  /** What may be lost, measured from the best version on the candidate's rows. */
  private static List<OrdinaryRows.Compared> anchored(
      Asked asked,
      Comparison withChampion,
      MeasuredVersion candidate,
      String bestId,
      Function<String, MeasuredVersion> others) {
    MeasuredVersion best;
    try {
      best = others.apply(bestId);
    } catch (InvalidInputException notMeasured) {
      return List.of(OrdinaryRows.unanswered(asked.rules, Anchor.CHECK, bestId, notMeasured));
    }
    Comparison comparison =
        new Comparison(
                withChampion.gate(),
                withChampion.evidence(),
                withChampion.alpha(),
                candidate.predictions(),
                best.predictions(),
                Anchor.opponent(bestId))
            .with(withChampion.input());
    return Stream.concat(
            asked.rules.policy().anchored(comparison).stream(),
            asked.mayLose > 0
                ? Stream.of(comparison.anchored(asked.mayLose))
                : Stream.<Check>empty())
        .map(
            check ->
                new OrdinaryRows.Compared(
                    check, bestId, List.of(candidate.answered()), List.of(best.answered())))
        .toList();
  }

  /** The verdict with the proof that a challenger is better than the champion. */
  private static Verdict with(Check proof, Verdict verdict) {
    String sentence = proof.sentence();
    return new Verdict(
        verdict.kind(),
        verdict.metric(),
        verdict.value(),
        verdict.threshold(),
        Stream.concat(verdict.checks().stream(), Stream.of(proof)).toList(),
        "%s %s%s."
            .formatted(
                verdict.reason(),
                sentence.substring(0, 1).toUpperCase(Locale.ROOT),
                sentence.substring(1)));
  }

  /** The same as that of the attempt's second version. */
  public Judgement asAlternative() {
    return new Judgement(
        attempt, true, modelId, championId, verdict, metrics, championMetrics, predictions, key);
  }

  public boolean passed() {
    return verdict.passed();
  }

  /** Whether a person is asked about the version. */
  public boolean asked() {
    return verdict.kind() == Kind.ASKED;
  }

  /** Whether the verdict has the proof that a challenger is better than the champion. */
  public boolean isProved() {
    return verdict.checks().stream().anyMatch(check -> check.name().equals(Superiority.NAME));
  }

  /** Whether the gate's check passed; a version may pass below the gate, too. */
  public boolean reachesGate() {
    return verdict.checks().stream()
        .anyMatch(check -> check.name().equals(Check.GATE) && check.answer() == Answer.PASSED);
  }

  /** The verdict in a word: {@code approved}. */
  public String status() {
    return verdict.kind().id();
  }

  /** The F1 score, which documents show whatever the gate's metric is. */
  public double f1Score() {
    return f1Score(metrics);
  }

  static double f1Score(Map<String, Double> metrics) {
    return metrics.getOrDefault(Metric.F1_SCORE.id(), 0.0);
  }

  /** No verdict on the champion, because the day's labels have not matured. */
  public static Judgement awaitingLabels(String modelId, DayLabels labels, DayKey key) {
    Gate gate = key.rules().gate();
    return new Judgement(
        0,
        false,
        modelId,
        modelId,
        new Verdict(
            Kind.UNDECIDED,
            gate.metric(),
            Double.NaN,
            gate.threshold(),
            List.of(),
            labels.sentence()),
        Map.of(),
        Map.of(),
        JudgedPredictions.ofChampion(null),
        key);
  }

  /** The gate's metric; null where the day's labels have not matured. */
  public @Nullable Double value() {
    return key.awaitsLabels() ? null : (Double) verdict.value();
  }

  /** The gate's metric of the champion on the same rows. */
  public double championValue() {
    return key.rules().gate().value(championMetrics);
  }

  public Document metricsDocument() {
    return new Document(new LinkedHashMap<>(metrics));
  }

  public void keep(StepContext context, ProcessedBatch batch) {
    Document document =
        new Document("status", status())
            .append("decision", verdict.kind().decision().id())
            .append("attempt", attempt)
            .append("model_id", modelId)
            .append("champion_id", championId)
            .append("data_path", batch.batchId())
            .append("content_hash", batch.contentHash())
            .append("metric", verdict.metric().id())
            .append("value", value())
            .append("threshold", verdict.threshold())
            .append("reason", verdict.reason())
            .append("checks", verdict.checks().stream().map(CheckDocument::of).toList())
            .append("metrics", metricsDocument())
            .append("champion_metrics", new Document(new LinkedHashMap<>(championMetrics)))
            .append("key", key.toDocument());
    if (isAlternative) {
      document.append(ALTERNATIVE, true);
    }
    document.putAll(predictions.toDocument());
    document.putAll(Provenance.of(context));
    context.store().events().record(COLLECTION, id(context, batch), document);
  }

  /** The id of the document that this run keeps. */
  public String id(StepContext context, ProcessedBatch batch) {
    boolean isEarlier = attempt == 0 && !modelId.equals(championId);
    String place = isEarlier ? LOOK_BACK + modelId : place(attempt, isAlternative);
    return id(batch.batchId(), context.run().runId(), key, place);
  }

  private static String place(int attempt, boolean isAlternative) {
    return isAlternative ? attempt + "/" + ALTERNATIVE : Integer.toString(attempt);
  }

  /** The verdict on the champion that a run has made, by this key. */
  public static Optional<Judgement> ofChampion(
      StepContext context, String batchId, String runId, DayKey key) {
    return find(context, batchId, runId, key, CHAMPION);
  }

  /** The last verdict on a version as a candidate for the place of another, by any run. */
  public static Optional<Judgement> lastAsCandidate(StepContext context, String modelId) {
    return lastDocument(context, COLLECTION, modelId).map(Judgement::ofDocument);
  }

  /**
   * The last verdict on a version as a candidate.
   *
   * @param collection of the day's verdicts, or {@link #RETRAININGS}
   */
  static Optional<Document> lastDocument(StepContext context, String collection, String modelId) {
    return Optional.ofNullable(
        context
            .store()
            .collection(collection)
            .find(Filters.and(Filters.eq("model_id", modelId), Filters.ne("champion_id", modelId)))
            .sort(Sorts.descending("timestamp"))
            .first());
  }

  /** This run's verdict on an attempt of the day, or on its second version. */
  static Optional<Judgement> ofAttempt(
      StepContext context, String batchId, DayKey key, int attempt, boolean isAlternative) {
    return find(context, batchId, context.run().runId(), key, place(attempt, isAlternative));
  }

  /** This run's verdict on a version that was approved earlier. */
  static Judgement ofEarlier(StepContext context, String batchId, DayKey key, String modelId) {
    return find(context, batchId, context.run().runId(), key, LOOK_BACK + modelId).orElseThrow();
  }

  /**
   * The last verdict on the champion that this run has made on the batch as it is now; an {@link
   * InvalidInputException} where there is none.
   */
  public static Judgement ofChampion(StepContext context, ProcessedBatch batch) {
    String runId = context.run().runId();
    return context
        .store()
        .events()
        .startingWith(COLLECTION, batch.batchId() + "/" + runId + "/")
        .stream()
        .filter(verdict -> verdict.getString("_id").endsWith("/" + CHAMPION))
        .filter(verdict -> batch.contentHash().equals(verdict.getString("content_hash")))
        .max(Comparator.comparing(verdict -> Instant.parse(verdict.getString("timestamp"))))
        .map(Judgement::ofDocument)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "The run '%s' has no verdict on '%s'; run check_model_performance first,"
                            .formatted(runId, batch.batchId())
                        + " by hand with the same RETUNE_RUN_ID."));
  }

  /**
   * Checks what a later step of the run was given against this verdict, which has the gate and the
   * attempts; null where it was given nothing.
   */
  public Judgement require(
      @Nullable Metric metric, @Nullable Double threshold, @Nullable Integer maxAttempts) {
    require("metric", metric, verdict.metric());
    require("threshold", threshold, verdict.threshold());
    require("max_attempts", maxAttempts, key.rules().maxAttempts());
    return this;
  }

  private void require(String input, @Nullable Object given, Object judged) {
    if (given != null && !given.equals(judged)) {
      throw new InvalidInputException(
          "'%s' is %s, but the run judged '%s' with %s; leave it out."
              .formatted(input, text(given), modelId, text(judged)));
    }
  }

  private static Object text(Object value) {
    return value instanceof Metric metric ? metric.id() : value;
  }

  private static Optional<Judgement> find(
      StepContext context, String batchId, String runId, DayKey key, String place) {
    return context
        .store()
        .events()
        .find(COLLECTION, id(batchId, runId, key, place))
        .map(Judgement::ofDocument);
  }

  private static Judgement ofDocument(Document document) {
    Verdict verdict =
        new Verdict(
            Kind.ofId(document.getString("status")),
            Metric.ofId(document.getString("metric")),
            Objects.requireNonNullElse(document.getDouble("value"), Double.NaN),
            document.getDouble("threshold"),
            document.getList("checks", Document.class, List.of()).stream()
                .map(CheckDocument::check)
                .toList(),
            document.getString("reason"));
    return new Judgement(
        document.getInteger("attempt"),
        document.getBoolean(ALTERNATIVE, false),
        document.getString("model_id"),
        document.getString("champion_id"),
        verdict,
        numbers(document.get("metrics", Document.class)),
        numbers(document.get("champion_metrics", Document.class)),
        JudgedPredictions.of(document),
        DayKey.of(document.get("key", Document.class)));
  }

  /** The metrics of a stored report: its entries that are numbers with a fraction. */
  public static Map<String, Double> numbers(Document report) {
    Map<String, Double> metrics = new LinkedHashMap<>();
    report.forEach(
        (name, value) -> {
          if (value instanceof Double number) {
            metrics.put(name, number);
          }
        });
    return metrics;
  }

  private static String id(String batchId, String runId, DayKey key, String place) {
    return "%s/%s/%s/%s".formatted(batchId, runId, key.id(), place);
  }
}
