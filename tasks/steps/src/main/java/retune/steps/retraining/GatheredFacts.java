package retune.steps.retraining;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.Comparison;
import retune.core.judgement.Evidence;
import retune.core.judgement.ledger.Harm;
import retune.core.split.Split;
import retune.core.triggers.TriggerFacts;
import retune.core.triggers.TriggerFacts.Drift;
import retune.core.triggers.TriggerFacts.Quality;
import retune.judgement.DayLabels;
import retune.judgement.ErrorLedger;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.steps.drift.DetectDrift;
import retune.steps.drift.LastDriftReport;
import retune.steps.evaluation.EstimatePerformance;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Gathers from the store what decides whether a model is trained again. */
final class GatheredFacts {

  private final StepContext context;
  private final DocumentStore store;
  private final String model;
  private final ModelVersion champion;

  GatheredFacts(StepContext context, String model) {
    this.context = context;
    this.store = context.store();
    this.model = model;
    this.champion = new ModelStore(store).get(new Champions(store).get(model).modelId());
  }

  /** The version in production. */
  ModelVersion champion() {
    return champion;
  }

  /**
   * The facts as they are now.
   *
   * @param evidence what the loop takes for evidence of harm
   * @param driftReport a JSON file, or an id in {@code drift_reports}; the model's last report if
   *     null
   */
  TriggerFacts gather(Evidence evidence, @Nullable String driftReport) throws IOException {
    Optional<Document> last = RetrainingEvents.lastEnded(store, model);
    Instant trained = champion.madeAt();
    Instant lastTraining =
        last.map(event -> Instant.parse(event.getString("timestamp")))
            .filter(ended -> ended.isAfter(trained))
            .orElse(trained);
    return new TriggerFacts(
        context.clock().instant(),
        lastTraining,
        newSamples(last),
        evidence == Evidence.POINT ? 0 : missingToJudge(last),
        quality(evidence).orElse(null),
        drift(driftReport).orElse(null));
  }

  /**
   * Rows that are missing after the days of the last retraining until their hold-out has enough of
   * the rarest class for a comparison.
   */
  private long missingToJudge(Optional<Document> last) {
    Optional<long[]> labels = new ErrorLedger(context, model).lastLabels(champion.modelId());
    if (last.isEmpty() || labels.isEmpty()) {
      return 0;
    }
    double needed = Comparison.leastRows(labels.get()) / Split.LIFELONG_HOLDOUT;
    LocalDate judged = LocalDate.parse(last.get().getString("last_day"));
    return Math.max(0, (long) Math.ceil(needed) - labelledAfter(judged));
  }

  /**
   * Labelled rows of days after those that the last training knew, and rows of those days whose
   * labels came since. Labels that have not matured do not count.
   */
  private long newSamples(Optional<Document> last) {
    LocalDate after =
        Stream.concat(
                last.map(event -> event.getString("last_day")).stream(),
                trainingDay(champion).stream())
            .map(LocalDate::parse)
            .max(Comparator.naturalOrder())
            .orElse(LocalDate.EPOCH);
    return labelledAfter(after)
        + last.flatMap(event -> TrainingSet.find(context, model, event.getString("retraining_id")))
            .map(this::labelledSince)
            .orElse(0L);
  }

  private long labelledAfter(LocalDate day) {
    return store.processedBatches().between(model, day.plusDays(1), TrainingSet.LAST_DAY).stream()
        .filter(batch -> !DayLabels.areAwaited(store, batch))
        .mapToLong(ProcessedBatch::labelled)
        .sum();
  }

  /** Rows of the days of a training set whose labels came after it was collected. */
  private long labelledSince(TrainingSet set) {
    Map<LocalDate, TrainingSet.Day> known =
        set.days().stream().collect(Collectors.toMap(TrainingSet.Day::date, day -> day));
    long since = 0;
    for (ProcessedBatch day :
        store.processedBatches().between(model, set.days().getFirst().date(), set.lastDay())) {
      String late = day.lateLabels();
      if (late == null || late.isEmpty() || DayLabels.areAwaited(store, day)) {
        continue;
      }
      TrainingSet.Day then = known.get(day.logicalDate());
      if (then == null) {
        since += day.labelled();
      } else if (!then.contentHash().equals(day.contentHash())) {
        since += Math.max(0, day.labelled() - then.labelled());
      }
    }
    return since;
  }

  /** The day whose rows a version was fine-tuned on; empty for one of a file. */
  private Optional<String> trainingDay(ModelVersion version) {
    return store
        .collection("data_splits")
        .find(Filters.eq("content_hash", version.lineage().trainedOn()))
        .projection(Projections.include("data_path"))
        .map(split -> split.getString("data_path"))
        .into(new ArrayList<>())
        .stream()
        .map(path -> path.substring(path.indexOf('/') + 1))
        .filter(day -> day.matches("\\d{4}-\\d{2}-\\d{2}"))
        .max(Comparator.naturalOrder());
  }

  private Optional<Quality> quality(Evidence evidence) {
    Optional<Document> evaluated =
        store.events().startingWith("evaluation_events", "evaluation/" + model + "/").stream()
            .filter(event -> champion.modelId().equals(event.getString("model_id")))
            .filter(event -> event.get("value") != null) // a day whose labels still come has none
            .max(
                Comparator.comparing((Document event) -> event.getString("logical_date"))
                    .thenComparing(event -> event.getInteger("revision")));
    Optional<Quality> measured = evaluated.map(event -> quality(evidence, event));
    boolean isHarmful = measured.map(Quality::harmful).orElse(false);
    return isHarmful ? measured : estimatedHarm(evaluated, measured).or(() -> measured);
  }

  /**
   * Harm on the last day with an estimate, if its labels have not come: the whole interval lies
   * below the threshold, and nothing says that the estimate may be off. A batch that was not
   * compared with the reference, or that has drifted, and labels that contradict the model do.
   */
  private Optional<Quality> estimatedHarm(
      Optional<Document> evaluated, Optional<Quality> measured) {
    String lastEvaluated = evaluated.map(event -> event.getString("logical_date")).orElse("");
    return Optional.ofNullable(
            store
                .collection(EstimatePerformance.COLLECTION)
                .find(Filters.eq("model_id", champion.modelId()))
                .sort(Sorts.descending("data_path", "timestamp"))
                .first())
        .filter(estimate -> day(estimate).compareTo(lastEvaluated) > 0)
        .filter(
            estimate ->
                EstimatePerformance.Position.BELOW.id().equals(estimate.getString("position"))
                    && Boolean.FALSE.equals(estimate.getBoolean("drifted"))
                    && Boolean.FALSE.equals(estimate.getBoolean("contradicted")))
        .map(
            estimate ->
                new Quality(
                    true,
                    String.format(
                        Locale.ROOT,
                        "The %s of %s is estimated at %.4f (%.4f to %.4f, 95 %%) without labels,"
                            + " all of it below the threshold of %s.",
                        estimate.getString("metric"),
                        day(estimate),
                        estimate.getDouble("estimate"),
                        estimate.getDouble("low"),
                        estimate.getDouble("high"),
                        estimate.getDouble("threshold")),
                    measured.map(Quality::rocAuc).orElse(null)));
  }

  private static String day(Document estimate) {
    String path = estimate.getString("data_path");
    return path.substring(path.indexOf('/') + 1);
  }

  private Quality quality(Evidence evidence, Document event) {
    String measured =
        String.format(
            Locale.ROOT,
            "the %s of %s is %.4f, with a threshold of %s",
            event.getString("metric"),
            event.getString("logical_date"),
            event.getDouble("value"),
            event.getDouble("threshold"));
    Document metrics = event.get("metrics", Document.class);
    Double auc = metrics.getDouble("roc_auc");
    Optional<Harm> harm = new ErrorLedger(context, model).latest(champion.modelId());
    if (evidence == Evidence.INTERVAL && harm.isPresent()) {
      return new Quality(
          harm.get().detector().isDecided(),
          capital(measured + "; " + harm.get().sentence()) + ".",
          auc);
    }
    boolean isBelow = event.getDouble("value") < event.getDouble("threshold");
    return new Quality(evidence == Evidence.POINT && isBelow, capital(measured) + ".", auc);
  }

  private Optional<Drift> drift(@Nullable String report) throws IOException {
    if (report == null) {
      return LastDriftReport.ofModel(store, model)
          .map(last -> new Drift(last.id(), last.detected()));
    }
    Optional<Document> kept = store.events().find(DetectDrift.COLLECTION, report);
    if (kept.isPresent()) {
      return Optional.of(drift(report, kept.get()));
    }
    Path file = Path.of(report);
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException(
          "There is no drift report '%s', neither in drift_reports nor as a JSON file; name one that exists."
              .formatted(report));
    }
    try {
      JsonNode detected =
          Json.MAPPER.readTree(Files.readString(file)).path(LastDriftReport.DETECTED);
      if (detected.isBoolean()) {
        return Optional.of(new Drift(report, detected.booleanValue()));
      }
    } catch (JacksonException malformed) {
      throw new InvalidInputException(noReport(report), malformed);
    }
    throw new InvalidInputException(noReport(report));
  }

  private static Drift drift(String id, Document report) {
    if (!(report.get(LastDriftReport.DETECTED) instanceof Boolean detected)) {
      throw new InvalidInputException(noReport(id));
    }
    return new Drift(id, detected);
  }

  private static String noReport(String report) {
    return "'%s' is no drift report: it has no %s that is true or false."
        .formatted(report, LastDriftReport.DETECTED);
  }

  private static String capital(String sentence) {
    return sentence.substring(0, 1).toUpperCase(Locale.ROOT) + sentence.substring(1);
  }
}
