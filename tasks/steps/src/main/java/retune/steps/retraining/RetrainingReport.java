package retune.steps.retraining;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.judgement.CheckDocument;
import retune.model.AtomicFile;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.report.RetrainingPage;
import retune.report.RetrainingPage.Candidate;
import retune.report.RetrainingPage.Difference;
import retune.report.RetrainingPage.Round;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;
import retune.steps.comparison.EvaluationReport;
import retune.steps.retraining.RetrainingEvents.Status;

/**
 * The page of a retraining: in {@code comparison_reports} under {@code MODEL/RETRAINING/CHAMPION},
 * as its judgement if it has one, and as a file where a folder is set.
 */
final class RetrainingReport {
  private static final Logger LOGGER = System.getLogger(RetrainingReport.class.getName());

  /** Both ends of an interval hold with 95 % confidence. */
  private static final double COVERAGE = 0.9;

  /** The step that refused to go on, in the page's document. */
  private static final String REFUSED_BY = "refused_by";

  private static final String REASON = "reason";

  private RetrainingReport() {}

  /** The id of a page, as of the judgement if there is one. */
  static String id(String model, String retrainingId, String championId) {
    return "%s/%s".formatted(TrainingSet.dataPath(model, retrainingId), championId);
  }

  /**
   * Keeps the page.
   *
   * @param id the judgement's
   * @param judgement its document
   * @param differences see {@link #differences}
   */
  static void keep(
      StepContext context,
      TrainingSet set,
      String id,
      Document judgement,
      List<Difference> differences) {
    String modelId = judgement.getString("model_id");
    Metric metric = Metric.ofId(judgement.get("rules", Document.class).getString("metric"));
    String page =
        RetrainingPage.of(
            Verdict.Kind.ofId(judgement.getString("status")),
            judgement.getString("reason"),
            facts(context, set, judgement),
            metric.id(),
            candidates(context, set.dataPath(), metric, modelId),
            differences,
            judgement.getList("checks", Document.class, List.of()).stream()
                .map(CheckDocument::check)
                .toList());
    keep(
        context,
        set.dataPath(),
        id,
        modelId,
        page,
        new Document("model_id", modelId)
            .append("champion_id", judgement.getString("champion_id")));
  }

  /**
   * Runs a step of a retraining; if it refuses its input, the retraining's page says why.
   *
   * @param step the step's name
   */
  static <T> T orSay(
      StepContext context, String model, String retrainingId, String step, Supplier<T> work) {
    try {
      return work.get();
    } catch (InvalidInputException refused) {
      boolean isStarted =
          RetrainingEvents.find(context.store(), model, retrainingId, Status.STARTED).isPresent();
      Optional<Champion> champion = new Champions(context.store()).find(model);
      if (isStarted && champion.isPresent()) {
        keepWithout(
            context,
            model,
            retrainingId,
            champion.get().modelId(),
            Status.FAILED,
            "%s refused to go on: %s".formatted(step, refused.getMessage()),
            new Document(REFUSED_BY, step).append(REASON, refused.getMessage()));
      }
      throw refused;
    }
  }

  /**
   * Keeps the page of a retraining that ended without a comparison.
   *
   * @param reason what happened, as sentences
   * @return the page's id
   */
  static String keepEnd(
      StepContext context,
      String model,
      String retrainingId,
      String championId,
      Status status,
      String reason) {
    String sentences =
        status == Status.FAILED
            ? reason + " " + whereItStopped(context, model, retrainingId, championId)
            : reason;
    return keepWithout(context, model, retrainingId, championId, status, sentences, new Document());
  }

  /** How far a retraining came, by what it left in the store, and why it came no further. */
  private static String whereItStopped(
      StepContext context, String model, String retrainingId, String championId) {
    boolean hasRows = TrainingSet.find(context, model, retrainingId).isPresent();
    boolean hasSplit = LogRetrainingEvent.filterStats(context, model, retrainingId).isPresent();
    String stoppedAt =
        hasSplit ? "train_model" : hasRows ? FilterTrainingData.NAME : PrepareTrainingData.NAME;
    Optional<String> refusal =
        context
            .store()
            .events()
            .find(EvaluationReport.COLLECTION, id(model, retrainingId, championId))
            .filter(page -> stoppedAt.equals(page.getString(REFUSED_BY)))
            .map(page -> page.getString(REASON));
    if (refusal.isPresent()) {
      return "%s refused to go on: %s".formatted(stoppedAt, refusal.get());
    }
    return hasSplit
        ? "It stopped in train_model or compare_models."
        : "It stopped in %s.".formatted(stoppedAt);
  }

  private static String keepWithout(
      StepContext context,
      String model,
      String retrainingId,
      String championId,
      Status status,
      String reason,
      Document more) {
    String dataPath = TrainingSet.dataPath(model, retrainingId);
    Document started = RetrainingEvents.started(context.store(), model, retrainingId);
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("retraining", retrainingId);
    facts.put("started by", started.getString("trigger"));
    facts.put("version in production", championId);
    TrainingSet.find(context, model, retrainingId)
        .ifPresent(set -> facts.putAll(rows(context, set)));
    facts.put("ended at", context.clock().instant().truncatedTo(ChronoUnit.SECONDS).toString());
    List<Document> trained = trained(context, dataPath);
    Metric metric =
        trained.isEmpty() ? Metric.F1_MACRO : Metric.ofId(trained.getFirst().getString("metric"));
    String page =
        RetrainingPage.withoutComparison(
            status.id(),
            reason,
            facts,
            metric.id(),
            trained.stream().map(candidate -> candidate(candidate, metric, "")).toList());
    String id = id(model, retrainingId, championId);
    Document document = new Document("champion_id", championId);
    document.putAll(more);
    keep(context, dataPath, id, "none", page, document);
    return id;
  }

  private static void keep(
      StepContext context,
      String dataPath,
      String id,
      String file,
      String page,
      Document described) {
    Document document = new Document(described).append("html", page);
    document.putAll(Provenance.of(context));
    context.store().events().record(EvaluationReport.COLLECTION, id, document);
    context
        .settings()
        .reportFolder()
        .ifPresent(folder -> write(folder.resolve(dataPath), file, page));
  }

  /** How the two versions differ, in the gate's metric first. */
  static List<Difference> differences(Metric gate, Predictions champion, Predictions candidate) {
    return Stream.concat(
            Stream.of(gate),
            Stream.of(Metric.ACCURACY, Metric.F1_MACRO, Metric.ROC_AUC)
                .filter(metric -> metric != gate))
        .map(
            metric -> {
              double before = metric.of(champion);
              double after = metric.of(candidate);
              return new Difference(
                  metric.id(),
                  before,
                  after,
                  Influence.of(metric, candidate)
                      .minus(Influence.of(metric, champion))
                      .interval(after - before, COVERAGE));
            })
        .filter(difference -> !Double.isNaN(difference.before() + difference.after()))
        .toList();
  }

  private static Map<String, String> facts(
      StepContext context, TrainingSet set, Document judgement) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("retraining", set.retrainingId());
    facts.put(
        "started by",
        RetrainingEvents.started(context.store(), set.model(), set.retrainingId())
            .getString("trigger"));
    facts.put("version in production", judgement.getString("champion_id"));
    facts.put("retrained version", judgement.getString("model_id"));
    facts.putAll(rows(context, set));
    facts.put("rows compared", "%,d".formatted(judgement.getInteger("rows")));
    facts.put("may be lost", String.valueOf(judgement.getDouble("may_lose")));
    facts.put("compared at", context.clock().instant().truncatedTo(ChronoUnit.SECONDS).toString());
    return facts;
  }

  /** Facts of the rows that were collected, and of what the filter left out. */
  private static Map<String, String> rows(StepContext context, TrainingSet set) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put(
        "collected",
        "%,d labelled rows of %d days, %s to %s"
            .formatted(set.rows(), set.days().size(), set.days().getFirst().date(), set.lastDay()));
    LogRetrainingEvent.filterStats(context, set.model(), set.retrainingId())
        .ifPresent(
            stats ->
                facts.put(
                    "left out of training",
                    "%,d duplicates, %,d malformed, %,d with labels of little confidence"
                        .formatted(
                            stats.getInteger("duplicates_removed"),
                            stats.getInteger("malformed_removed"),
                            stats.getInteger("low_confidence_removed"))));
    return facts;
  }

  private static List<Candidate> candidates(
      StepContext context, String dataPath, Metric metric, String chosen) {
    return trained(context, dataPath).stream()
        .map(candidate -> candidate(candidate, metric, chosen))
        .toList();
  }

  private static List<Document> trained(StepContext context, String dataPath) {
    return context.store().events().startingWith("training_candidates", dataPath + "/").stream()
        .sorted(Comparator.comparing(candidate -> candidate.getInteger("number")))
        .toList();
  }

  private static Candidate candidate(Document document, Metric metric, String chosen) {
    String modelId = document.getString("model_id");
    int trial = document.getInteger("trial", 1);
    return new Candidate(
        document.getString("strategy") + (trial == 1 ? "" : ", trial " + trial),
        chosen.equals(modelId),
        document.getInteger("train_samples"),
        document.getInteger("best_epoch"),
        document.getList("history", Document.class).stream()
            .map(
                epoch ->
                    new Round(
                        epoch.getDouble("train_loss"),
                        epoch.getDouble("val_loss"),
                        epoch.getDouble(metric.id())))
            .toList(),
        document.getDouble("validation_value"),
        document.getDouble("champion_validation_value"),
        modelId == null ? document.getString("reason") : modelId);
  }

  /** A page that cannot be written must not stop the retraining: the store has it. */
  private static void write(Path folder, String name, String html) {
    Path file = folder.resolve(name + ".html");
    try {
      Files.createDirectories(folder);
      AtomicFile.write(file, html.getBytes(UTF_8));
      LOGGER.log(Level.INFO, "The report is in {0}.", file);
    } catch (IOException e) {
      LOGGER.log(
          Level.WARNING, "The report cannot be written to {0}: {1}. The store has it.", file, e);
    }
  }
}
