package retune.model;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.calibration.CalibrationFit;
import retune.core.calibration.Calibrator;
import retune.core.data.Target;
import retune.core.preprocessing.Preprocessing;
import retune.runtime.ModelName;

/**
 * A model version. It is immutable and complete except for its weights, which are stored separately
 * and identified by {@code weightsHash}.
 *
 * @param modelId {@code name-} and the first 12 hexadecimal digits of the SHA-256 of the content
 *     (everything except {@code modelId}, {@code modelVersion} and {@code metrics}): the same
 *     content has the same id
 * @param modelVersion {@code YYYYMMDD_HHMMSS}, when it was made
 * @param kind whether it has a head
 * @param decisionThreshold two classes: the positive class is predicted from this (calibrated)
 *     probability on; ignored for more classes
 * @param calibration turns the softmax of the logits into probabilities; null for none
 * @param metrics by dataset: {@code validation}, {@code test}, and what {@link CalibrationFit}
 *     measured as {@code calibration}
 * @param golden rows with the logits that the version's maker computed; null for an encoder without
 *     a head
 */
public record ModelVersion(
    String modelId,
    String modelName,
    String modelVersion,
    Kind kind,
    Architecture architecture,
    Preprocessing preprocessing,
    Target target,
    double decisionThreshold,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Calibration calibration,
    Lineage lineage,
    Map<String, Map<String, Double>> metrics,
    @Nullable Golden golden,
    String weightsHash,
    String encoderHash) {
  private static final Pattern TIME = Pattern.compile("\\d{8}_\\d{6}");
  private static final DateTimeFormatter TIME_FORMAT =
      DateTimeFormatter.ofPattern("yyyyMMdd_HHmmss").withZone(ZoneOffset.UTC);
  private static final int ID_DIGITS = 12;
  private static final double EVEN_THRESHOLD = 0.5;
  private static final String CALIBRATION = "calibration";

  public ModelVersion {
    metrics = Map.copyOf(metrics);
    if (!ModelName.isValid(modelName)) {
      throw new InvalidInputException(
          "The model name '"
              + modelName
              + "' cannot be part of an id; use up to 100 letters, digits, '.', '_' and '-'.");
    }
    if (!TIME.matcher(modelVersion).matches()) {
      throw new InvalidInputException(
          "The model version '" + modelVersion + "' is not of the form YYYYMMDD_HHMMSS.");
    }
    if (!(decisionThreshold >= 0 && decisionThreshold <= 1)) {
      throw new InvalidInputException(
          "The decision threshold is " + decisionThreshold + "; it must be between 0 and 1.");
    }
    if (calibration != null && !calibration.calibrator.suits(target.classes().size())) {
      throw new InvalidInputException(
          "The calibration is %s, which is for two classes, but the target has %d; calibrate by temperature."
              .formatted(calibration.calibrator.id(), target.classes().size()));
    }
  }

  /**
   * What a network is and how its rows and answers are read.
   *
   * @param preprocessing turns raw rows into the network's features
   * @param target gives each output its class
   */
  public record Design(Architecture architecture, Preprocessing preprocessing, Target target) {}

  /**
   * A version of these parts, with the decision threshold 0.5, without metrics and golden rows;
   * computes its id, kind and hashes.
   */
  public static ModelVersion of(
      String modelName, Instant madeAt, Design design, Lineage lineage, Weights weights) {
    ModelVersion version =
        new ModelVersion(
                "",
                modelName,
                TIME_FORMAT.format(madeAt),
                weights.hasHead() ? Kind.FINETUNED : Kind.PRETRAINED,
                design.architecture(),
                design.preprocessing(),
                design.target(),
                EVEN_THRESHOLD,
                null,
                lineage,
                Map.of(),
                null,
                weights.hash(),
                weights.encoderHash())
            .identified();
    version.checkWeights(weights, "The new version of " + modelName);
    return version;
  }

  /** When the version was made, to the second. */
  public Instant madeAt() {
    return TIME_FORMAT.parse(modelVersion, Instant::from);
  }

  /** The same with another decision threshold; {@link #withCalibration} comes later and maps it. */
  public ModelVersion withDecisionThreshold(double threshold) {
    if (calibration != null) {
      throw new IllegalStateException(modelId + " is calibrated; its threshold is mapped already");
    }
    return with("", threshold, calibration, metrics, golden).identified();
  }

  /**
   * The same with this calibration, whose numbers join the metrics. The decision threshold becomes
   * the one that decides alike.
   *
   * @param fit fitted on this version's uncalibrated predictions
   * @param fittedOn content hash of the batch, or SHA-256 of the file, that the rows are of
   */
  public ModelVersion withCalibration(CalibrationFit fit, String fittedOn) {
    Calibrator calibrator = fit.calibrator();
    Map<String, Map<String, Double>> measured = new LinkedHashMap<>(metrics);
    measured.put(CALIBRATION, fit.toMap());
    return with(
            "",
            fit.predictions().threshold(),
            calibrator == null
                ? null
                : new Calibration(
                    calibrator,
                    fit.uncalibrated().threshold(),
                    fittedOn,
                    fit.uncalibrated().rows()),
            measured,
            golden)
        .identified();
  }

  /** The decision threshold for the softmax of the logits, without calibration. */
  public double uncalibratedThreshold() {
    return calibration == null ? decisionThreshold : calibration.uncalibratedThreshold;
  }

  /** {@code not calibrated}, or {@link Calibrator#words}. */
  public String calibrationWords() {
    return calibration == null ? "not calibrated" : calibration.calibrator.words();
  }

  /** Whether calibrations were compared for it; none may have been better than none. */
  public boolean wasCalibrated() {
    return calibration != null || !calibrationMetrics().isEmpty();
  }

  /** See {@link CalibrationFit#shares}. */
  public Optional<double[]> calibrationShares() {
    return CalibrationFit.shares(calibrationMetrics(), target.classes().size());
  }

  /** Whether the probabilities are calibrated and how well, as a sentence. */
  public String calibrationSentence() {
    if (calibration == null) {
      return "The probabilities are " + calibrationWords() + ".";
    }
    return CalibrationFit.sentence(calibration.calibrator, calibration.rows, calibrationMetrics());
  }

  /** {@link CalibrationFit#toMap}; empty if the version's record lacks it. */
  Map<String, Double> calibrationMetrics() {
    return metrics.getOrDefault(CALIBRATION, Map.of());
  }

  /** The same with these metrics. */
  public ModelVersion withMetrics(Map<String, Map<String, Double>> measured) {
    return with(modelId, decisionThreshold, calibration, measured, golden);
  }

  /** The same with these golden rows. */
  public ModelVersion withGolden(@Nullable Golden rows) {
    return with("", decisionThreshold, calibration, metrics, rows).identified();
  }

  /**
   * Checks that these are the version's weights.
   *
   * @param source where the weights come from, for the message
   * @throws InvalidInputException naming the hash or the tensor that differs
   */
  public void checkWeights(Weights weights, String source) {
    WeightShapes.check(
        weights, architecture, preprocessing.schema(), target.classes().size(), source);
    requireHash("weights", weightsHash, weights.hash(), source);
    requireHash("encoder", encoderHash, weights.encoderHash(), source);
    if (weights.hasHead() != (kind == Kind.FINETUNED)) {
      throw new InvalidInputException(
          source
              + (weights.hasHead() ? " has a head" : " has no head")
              + ", but "
              + modelId
              + " is "
              + kind.name().toLowerCase(Locale.ROOT)
              + "; description and weights must come from the same model.");
    }
  }

  /** Throws an {@link InvalidInputException} for an encoder, which cannot predict. */
  public void requireHead() {
    if (kind == Kind.PRETRAINED) {
      throw new InvalidInputException(
          "'"
              + modelId
              + "' is an encoder without a head and cannot predict; train_model makes"
              + " a version with a head from it.");
    }
  }

  /** Checks that the id fits the content; throws an {@link InvalidInputException} if not. */
  void checkId(String source) {
    String derived = derivedId();
    if (!modelId.equals(derived)) {
      throw new InvalidInputException(
          source
              + " calls itself "
              + modelId
              + ", but its content is that of "
              + derived
              + "; it was changed after it was made, so take the original.");
    }
  }

  private static void requireHash(String what, String expected, String actual, String source) {
    if (!expected.equals(actual)) {
      throw new InvalidInputException(
          source
              + " has the "
              + what
              + " hash "
              + actual
              + ", its description says "
              + expected
              + "; the file was changed or damaged, so take the original.");
    }
  }

  private String derivedId() {
    return modelName + "-" + ModelJson.contentHash(this).substring(0, ID_DIGITS);
  }

  private ModelVersion identified() {
    return with(derivedId(), decisionThreshold, calibration, metrics, golden);
  }

  private ModelVersion with(
      String id,
      double threshold,
      @Nullable Calibration calibrated,
      Map<String, Map<String, Double>> measured,
      @Nullable Golden rows) {
    return new ModelVersion(
        id,
        modelName,
        modelVersion,
        kind,
        architecture,
        preprocessing,
        target,
        threshold,
        calibrated,
        lineage,
        measured,
        rows,
        weightsHash,
        encoderHash);
  }

  /** A pre-trained encoder, or an encoder with a head. */
  public enum Kind {
    @JsonProperty("pretrained")
    PRETRAINED,
    @JsonProperty("finetuned")
    FINETUNED
  }

  /**
   * How probabilities follow from logits. Logits, golden rows and exports are not calibrated.
   *
   * @param uncalibratedThreshold the decision threshold for uncalibrated probabilities, 0 … 1
   * @param fittedOn content hash of the batch, or SHA-256 of the file, whose rows it was fitted on
   * @param rows number of these rows
   */
  public record Calibration(
      Calibrator calibrator, double uncalibratedThreshold, String fittedOn, int rows) {}

  /**
   * How a version was made.
   *
   * @param finetunedFrom the parent's model id; null for a first version
   * @param strategy how it was trained, such as {@code head_long} or {@code trees}
   * @param trainedOn content hash of the batch, or SHA-256 of the file, whose rows it was trained
   *     on
   * @param hyperparameters further settings: batch size, seed, trainable share, best epoch …
   * @param history one entry per epoch, in order
   * @param replayed content hashes of the earlier batches some of whose rows trained it, too; null
   *     if there are none
   */
  public record Lineage(
      @Nullable String finetunedFrom,
      String strategy,
      int epochs,
      double learningRate,
      String trainedOn,
      Map<String, Double> hyperparameters,
      List<Epoch> history,
      // not written where there are none, so that versions made before keep their ids
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<String> replayed) {
    /** The lineage of a version that was trained on one batch or file. */
    public Lineage(
        @Nullable String finetunedFrom,
        String strategy,
        int epochs,
        double learningRate,
        String trainedOn,
        Map<String, Double> hyperparameters,
        List<Epoch> history) {
      this(
          finetunedFrom, strategy, epochs, learningRate, trainedOn, hyperparameters, history, null);
    }

    /**
     * What stands for the rows of a batch that may be replayed.
     *
     * @param contentHash the batch's
     */
    public static String replayOf(String contentHash) {
      return "replay/" + contentHash;
    }

    /** What it was trained on: {@link #trainedOn}, and {@link #replayOf} each replayed batch. */
    public List<String> contents() {
      return Stream.concat(
              Stream.of(trainedOn),
              replayed == null ? Stream.of() : replayed.stream().map(Lineage::replayOf))
          .toList();
    }
  }

  /** The result of one epoch. The metrics are those on validation rows; empty for pre-training. */
  public record Epoch(int epoch, double loss, Map<String, Double> validation) {
    /** The log loss on validation rows; NaN where it was not measured. */
    public double validationLogLoss() {
      return validation.getOrDefault("log_loss", Double.NaN);
    }
  }

  /**
   * Rows with the logits that the version's maker computed for them, to compare engines with.
   *
   * @param codes {@code [categorical feature][row]}
   * @param numbers {@code [numeric feature][row]}
   * @param logits {@code [row][class]}, finite
   */
  public record Golden(int[][] codes, float[][] numbers, float[][] logits) {
    public Golden {
      for (int row = 0; row < logits.length; row++) {
        for (float logit : logits[row]) {
          if (!Float.isFinite(logit)) {
            throw new InvalidInputException(
                "The model's logit for golden row %d is %s; its weights are too large or not numbers, so train it again."
                    .formatted(row, logit));
          }
        }
      }
    }
  }
}
