package retune.steps.comparison;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.ComparisonReport;
import retune.core.judgement.ComparisonReport.Question;
import retune.core.judgement.Slice;
import retune.core.statistics.PairedBootstrap;
import retune.judgement.DayLabels;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.model.AtomicFile;
import retune.model.batch.FeatureSource;
import retune.report.ComparisonPage;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * The comparison that a verdict on a candidate rests on, as {@code compare_models} would write it:
 * in the store under the verdict's id, and as files where a folder is set.
 */
public final class EvaluationReport {
  /** One document per verdict on a candidate. */
  public static final String COLLECTION = "comparison_reports";

  private static final Logger LOGGER = System.getLogger(EvaluationReport.class.getName());

  /** Enough for a report: the verdict does not depend on it. */
  private static final int RESAMPLES = 2_000;

  /** The resamples of more rows would take minutes; compare_models makes the report on demand. */
  private static final int MOST_ROWS = 200_000;

  private EvaluationReport() {}

  /**
   * Writes the report of a judgement on at most {@value #MOST_ROWS} rows.
   *
   * @param source the features of the batch that both were measured on
   * @param alpha the level that the candidate was judged at
   */
  public static void keep(
      StepContext context,
      Judgement judgement,
      FeatureSource source,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      double alpha) {
    if (candidate.predictions().rows() > MOST_ROWS) {
      LOGGER.log(
          Level.INFO,
          "No comparison is kept of more than {0} rows; compare_models makes one.",
          MOST_ROWS);
      return;
    }
    Question question =
        new Question(
            judgement.verdict().metric(),
            0,
            alpha,
            judgement.key().rules().policy(),
            new PairedBootstrap(0, RESAMPLES));
    ComparisonReport report =
        ComparisonReport.of(
            question, champion.predictions(), candidate.predictions(), judgement.verdict());
    CompareModels.Output output =
        CompareModels.output(
            report,
            judgement.championId(),
            judgement.modelId(),
            candidate.batch().batchId(),
            candidate.batch().contentHash(),
            Map.of(),
            null,
            null);
    List<Slice> slices =
        Slice.worstFirst(
            question.metric(),
            candidate.columns(source, name -> true),
            champion.predictions(),
            candidate.predictions(),
            1 - alpha);
    Map<String, String> facts =
        CompareModels.facts(output, champion.version(), candidate.version(), context);
    Optional<DayLabels> labels = DayLabels.find(context.store(), candidate.batch());
    labels.ifPresent(found -> facts.put("labels", found.sentence()));
    String html = ComparisonPage.of(report, slices, candidate.version().target(), facts);
    Document document =
        new Document("model_id", judgement.modelId())
            .append("champion_id", judgement.championId())
            .append("report", ComparisonJson.document(output, report, slices))
            .append("html", html);
    labels.ifPresent(found -> document.append("labels", found.toDocument()));
    document.putAll(Provenance.of(context));
    context.store().events().record(COLLECTION, judgement.id(context, candidate.batch()), document);
    context
        .settings()
        .reportFolder()
        .ifPresent(
            folder ->
                write(
                    folder.resolve(candidate.batch().batchId()),
                    judgement.modelId(),
                    ComparisonJson.text(output, report, slices),
                    html));
  }

  /** The id of the report beside a verdict; null if there were too many rows for one. */
  public static @Nullable String idOf(
      StepContext context, Judgement judgement, ProcessedBatch batch) {
    return idOf(context, judgement.id(context, batch));
  }

  /** The same, by the id of the verdict. */
  public static @Nullable String idOf(StepContext context, String id) {
    boolean kept =
        context
                .store()
                .collection(COLLECTION)
                .find(Filters.eq("_id", id))
                .projection(Projections.include("_id"))
                .first()
            != null;
    return kept ? id : null;
  }

  /** A report that cannot be written must not stop the day: the store has it. */
  private static void write(Path folder, String name, String json, String html) {
    try {
      Files.createDirectories(folder);
      AtomicFile.write(folder.resolve(name + ".json"), json.getBytes(UTF_8));
      AtomicFile.write(folder.resolve(name + ".html"), html.getBytes(UTF_8));
      LOGGER.log(Level.INFO, "The comparison is in {0}.", folder.resolve(name + ".html"));
    } catch (IOException e) {
      LOGGER.log(
          Level.WARNING,
          "The comparison cannot be written to {0}: {1}. The store has it.",
          folder,
          e.toString());
    }
  }
}
