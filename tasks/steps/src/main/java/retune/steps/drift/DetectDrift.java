package retune.steps.drift;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.DatasetShift;
import retune.core.drift.DriftDetector;
import retune.core.drift.DriftReport;
import retune.core.drift.ShiftDetector;
import retune.core.metrics.Predictions;
import retune.model.AtomicFile;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.FeatureCache;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Outputs;
import retune.report.DriftPage;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

@About(
    value =
        "Compares a batch with the reference of its model, column by column and as a whole, and"
            + " says what has drifted. Needs no labels and changes nothing in production. A"
            + " batch without drift alarms at one stated rate, whatever its size. Where labels"
            + " exist, tells whether the shares of the classes, the inputs, or the label's"
            + " relation to the inputs have changed.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example = "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class DetectDrift implements Step<DetectDrift.Input, DetectDrift.Output> {
  private static final Logger LOGGER = System.getLogger(DetectDrift.class.getName());

  /** One document per batch, run and version. */
  public static final String COLLECTION = "drift_reports";

  private static final int RESAMPLES = 499;
  private static final long SEED = 0;

  /** Names in a result, which Airflow keeps. */
  private static final int MOST_NAMED = 20;

  public record Input(
      @Field("the version in production") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field(
              value =
                  "rate of false alarms: the share of batches without drift that are called"
                      + " drifted, for all columns and statistics together",
              byDefault = "0.01",
              min = 0.002,
              max = 0.5)
          double falseAlarmRate,
      @Field("JSON file for the whole report") @Nullable String output,
      @Field("HTML file for the whole report, to read or attach") @Nullable String html) {}

  public record Output(
      @Field("whether anything has drifted") boolean overallDriftDetected,
      @Field("the version in production") String modelId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field("rows of the reference") int baselineSamples,
      @Field("rows of the batch that were compared") int currentSamples,
      @Field("rate of false alarms for the whole batch") double falseAlarmRate,
      @Field("number of features compared") int totalFeatures,
      @Field("number of features that have drifted") int driftedFeatures,
      @Field("the same in percent") double driftPercentage,
      @Field(
              "by drifted feature, at most 20: psi with its threshold, js_divergence,"
                  + " missing_rate, and for numbers ks_statistic, p_value and wasserstein")
          Map<String, Map<String, Double>> features,
      @Field(
              "drift of the champion's answers: psi and threshold of the probability, and"
                  + " positive_rate_change; empty if it gave none")
          Map<String, Double> predictionDrift,
      @Field("whether the champion's answers have drifted") boolean predictionDriftDetected,
      @Field(
              "what kind of change it looks like: none, label_shift, covariate_shift,"
                  + " concept_shift, covariate_and_concept_shift, or not_tellable where there are"
                  + " no labels or too few")
          String shift,
      @Field("how sure that is and what helps, as sentences") String shiftReason,
      @Field("what is beyond its limit, as sentences, at most 20") List<String> findings,
      @Field("what could not be compared, as sentences") List<String> notCompared,
      @Field("the first finding, and how many follow") String reason,
      @Field("the report, as an id in drift_reports") String report,
      @Field("the JSON file written") @Nullable String output,
      @Field("the HTML file written") @Nullable String html)
      implements Page {
    @Override
    public String text() {
      return DriftText.of(this);
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path json = input.output() == null ? null : AtomicFile.inFolder(input.output());
    Path html = input.html() == null ? null : AtomicFile.inFolder(input.html());
    ProcessedBatch batch = Batch.describe(context, input.dataPath());
    ModelVersion version = new ModelStore(context).get(input.modelId());
    Batch.require(batch, version);
    ProcessedBatch reference = reference(context, version);
    List<String> notCompared = new ArrayList<>();
    DriftRows before = read(context, reference);
    DriftRows after = read(context, batch);
    Optional<Answers> answers = answers(context, version, before, after, notCompared);
    DriftDetector.Samples samples =
        samples(version, reference, batch, before, after, answers, notCompared);
    OptionalDouble positiveRate =
        ComparedColumns.positiveRateChange(version.target(), samples.predictions());
    DriftReport report =
        new DriftDetector(input.falseAlarmRate(), SEED, RESAMPLES).compare(samples);
    DatasetShift shift =
        new ShiftDetector(input.falseAlarmRate(), SEED, RESAMPLES)
            .judge(
                report,
                samples.features(),
                samples.predictions(),
                forShift(version, before, after, answers));
    List<String> findings = DriftFindings.of(report, batch.rejected());
    ShiftFinding kind = ShiftFinding.of(shift, version.target());
    DriftDays days = DriftDays.before(context, batch);
    String timestamp = context.clock().instant().truncatedTo(ChronoUnit.SECONDS).toString();
    Map<String, Object> document =
        DriftDocument.of(
            report, positiveRate, kind.document(), findings, notCompared, days, timestamp);
    String page =
        DriftPage.of(
            report,
            new DriftPage.Facts(version.modelId(), batch.batchId(), timestamp, days.volume()),
            findings,
            kind.reason(),
            notCompared,
            days.psi());
    String id = days.keep(context, batch, version, report, document, page);
    if (json != null) {
      AtomicFile.write(json, DriftDocument.text(document).getBytes(UTF_8));
    }
    if (html != null) {
      AtomicFile.write(html, page.getBytes(UTF_8));
    }
    (findings.isEmpty() ? List.of(DriftFindings.inShort(findings)) : findings)
        .forEach(finding -> LOGGER.log(Level.INFO, finding));
    LOGGER.log(Level.INFO, kind.reason());
    return output(input, report, positiveRate, kind, findings, notCompared, id, json, html);
  }

  /** The reference of the version's model, which the version reads as it reads the batch. */
  private static ProcessedBatch reference(StepContext context, ModelVersion version) {
    String id = Batch.referenceId(version.modelName());
    ProcessedBatch reference =
        context
            .store()
            .processedBatches()
            .find(id)
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "'%s' has no reference rows, so that there is nothing to compare '%s' with. Register the model again with a reference.csv in its folder: labelled rows like those that it was trained on; or learn a distribution for it with learn_distribution, from which register_model draws them."
                            .formatted(version.modelName(), version.modelName())));
    if (!reference.preprocessingHash().equals(version.preprocessing().hash())) {
      throw new InvalidInputException(
          "The reference rows of '%s' were prepared for another version than '%s'. Register that version with a reference.csv in its folder."
              .formatted(version.modelName(), version.modelId()));
    }
    return reference;
  }

  private static DriftRows read(StepContext context, ProcessedBatch batch) {
    if (batch.rows() < DriftDetector.LEAST_ROWS) {
      throw new InvalidInputException(
          "'%s' has %d rows; drift is told from chance on at least %d. Compare a batch with more rows."
              .formatted(batch.batchId(), batch.rows(), DriftDetector.LEAST_ROWS));
    }
    return DriftRows.read(context, batch);
  }

  private static DriftDetector.Samples samples(
      ModelVersion version,
      ProcessedBatch reference,
      ProcessedBatch batch,
      DriftRows before,
      DriftRows after,
      Optional<Answers> answers,
      List<String> notCompared) {
    ComparedColumns columns = new ComparedColumns(version.preprocessing());
    if (!columns.dateParts().isEmpty()) {
      notCompared.add(
          "Parts of dates move with the calendar: %s."
              .formatted(String.join(", ", columns.dateParts())));
    }
    return new DriftDetector.Samples(
        columns.features(before.rows().features(), after.rows().features()),
        answers
            .map(given -> ComparedColumns.predictions(version, given.reference, given.current))
            .orElse(List.of()),
        labels(version.target(), before.labels(), after.labels(), notCompared),
        columns.shares(reference, batch),
        before.rows().rowHashes(),
        after.rows().rowHashes());
  }

  /** The champion's answers to the rows of both samples. */
  private record Answers(Outputs reference, Outputs current) {}

  /** The champion's answers; none if it cannot answer, which must not hide what its inputs do. */
  private static Optional<Answers> answers(
      StepContext context,
      ModelVersion version,
      DriftRows reference,
      DriftRows current,
      List<String> notCompared) {
    try {
      version.requireHead();
      FeatureCache cache = new FeatureCache(context);
      int rows = reference.positions().length + current.positions().length;
      try (Engine engine = Engines.open(version, new ModelStore(context).weights(version), rows)) {
        return Optional.of(
            new Answers(
                outputs(cache, version, engine, reference),
                outputs(cache, version, engine, current)));
      }
    } catch (InvalidInputException noAnswer) {
      notCompared.add("The champion's answers: " + noAnswer.getMessage());
      return Optional.empty();
    }
  }

  /**
   * The labels, and calibrated probabilities: by the version, or else by the reference's labels.
   */
  private static ShiftDetector.Answers forShift(
      ModelVersion version, DriftRows before, DriftRows after, Optional<Answers> answers) {
    int[] reference = before.rows().labels();
    UnaryOperator<Predictions> calibrated =
        answers.isEmpty() || before.labels().length == 0
            ? UnaryOperator.identity()
            : LabelCalibration.of(version, List.of(answers.get().reference.against(reference)));
    return new ShiftDetector.Answers(
        version.target().classes().size(),
        reference,
        answers.map(given -> probabilities(given.reference, calibrated)).orElse(null),
        after.rows().labels(),
        answers.map(given -> probabilities(given.current, calibrated)).orElse(null));
  }

  /** Of all rows, also those without a label; each label is the first class and says nothing. */
  private static double[] probabilities(Outputs outputs, UnaryOperator<Predictions> calibrated) {
    return calibrated.apply(outputs.against(new int[outputs.rows()])).probabilities();
  }

  private static Outputs outputs(
      FeatureCache cache, ModelVersion version, Engine engine, DriftRows rows) {
    return Outputs.of(
        cache
            .someOf(version, engine, rows.batch(), rows.positions(), rows.rows().features(), true)
            .logits(),
        version);
  }

  private static @Nullable Codes labels(
      Target target, int[] reference, int[] current, List<String> notCompared) {
    boolean isOneClass = IntStream.of(reference).distinct().count() < 2;
    if (reference.length < DriftDetector.LEAST_ROWS || isOneClass) {
      notCompared.add(
          "The labels: the reference has %d labelled rows%s."
              .formatted(
                  reference.length, isOneClass && reference.length > 0 ? " of one class" : ""));
      return null;
    }
    if (current.length < DriftDetector.LEAST_ROWS) {
      notCompared.add("The labels: the batch has %d labelled rows.".formatted(current.length));
      return null;
    }
    return new Codes(target.column(), target.classes(), reference, current);
  }

  private static Output output(
      Input input,
      DriftReport report,
      OptionalDouble positiveRate,
      ShiftFinding shift,
      List<String> findings,
      List<String> notCompared,
      String id,
      @Nullable Path json,
      @Nullable Path html) {
    return new Output(
        report.isDrifted(),
        input.modelId(),
        input.dataPath(),
        report.referenceRows(),
        report.currentRows(),
        report.rate(),
        report.features().size(),
        report.driftedFeatures(),
        DriftDocument.percentage(report),
        DriftDocument.worst(report, MOST_NAMED),
        DriftDocument.predictions(report, positiveRate),
        report.predictions().stream().anyMatch(DriftReport.Column::isDrifted),
        shift.kind().id(),
        shift.reason(),
        findings.stream().limit(MOST_NAMED).toList(),
        List.copyOf(notCompared),
        DriftFindings.inShort(findings),
        id,
        json == null ? null : json.toString(),
        html == null ? null : html.toString());
  }
}
