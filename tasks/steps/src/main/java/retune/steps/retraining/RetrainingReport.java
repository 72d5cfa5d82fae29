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
import java.util.stream.Stream;
import org.bson.Document;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.judgement.CheckDocument;
import retune.model.AtomicFile;
import retune.report.RetrainingPage;
import retune.report.RetrainingPage.Candidate;
import retune.report.RetrainingPage.Difference;
import retune.report.RetrainingPage.Round;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;
import retune.steps.comparison.EvaluationReport;

/**
 * The page of a retraining beside its judgement: in {@code comparison_reports} under the
 * judgement's id, and as a file where a folder is set.
 */
final class RetrainingReport {
  private static final Logger LOGGER = System.getLogger(RetrainingReport.class.getName());

  /** Both ends of an interval hold with 95 % confidence. */
  private static final double COVERAGE = 0.9;

  private RetrainingReport() {}

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
            candidates(context, set, metric, modelId),
            differences,
            judgement.getList("checks", Document.class, List.of()).stream()
                .map(CheckDocument::check)
                .toList());
    Document document =
        new Document("model_id", modelId)
            .append("champion_id", judgement.getString("champion_id"))
            .append("html", page);
    document.putAll(Provenance.of(context));
    context.store().events().record(EvaluationReport.COLLECTION, id, document);
    context
        .settings()
        .reportFolder()
        .ifPresent(folder -> write(folder.resolve(set.dataPath()), modelId, page));
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
    facts.put("rows compared", "%,d".formatted(judgement.getInteger("rows")));
    facts.put("may be lost", String.valueOf(judgement.getDouble("may_lose")));
    facts.put("compared at", context.clock().instant().truncatedTo(ChronoUnit.SECONDS).toString());
    return facts;
  }

  private static List<Candidate> candidates(
      StepContext context, TrainingSet set, Metric metric, String chosen) {
    return context
        .store()
        .events()
        .startingWith("training_candidates", set.dataPath() + "/")
        .stream()
        .sorted(Comparator.comparing(candidate -> candidate.getInteger("number")))
        .map(candidate -> candidate(candidate, metric, chosen))
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
