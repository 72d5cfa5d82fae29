package retune.learning.text;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.calibration.CalibrationFit;
import retune.core.data.Features;
import retune.core.finetuning.Schedule;
import retune.core.finetuning.Strategy;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.TfIdf;
import retune.core.split.Part;
import retune.learning.text.SoftmaxRegression.Outcome;
import retune.learning.training.Progress;
import retune.learning.training.Seeds;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingLog;
import retune.learning.training.TrainingTable;
import retune.model.Architecture;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.ModelVersion.Lineage;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.engine.LinearHead;

/**
 * Trains a model of texts on a table whose preprocessing has a {@link
 * retune.core.preprocessing.TextColumn}, for a first version.
 *
 * <p>The validation rows choose the number of epochs, the threshold and the calibration, by a head
 * that has not seen them. The head of the version is then fitted again, on training and validation
 * rows, for that number of epochs; its calibration stays, as it does where a model is fitted on all
 * rows after cross-validation. The vocabulary and its weights stay those of the training rows.
 *
 * @param name the model's name
 * @param metric chooses the epoch, and of two classes the decision threshold, on the validation
 *     rows
 * @param seed random seed for shuffling
 */
public record TextTraining(String name, Metric metric, int seed) {
  private static final Logger LOGGER = System.getLogger(TextTraining.class.getName());

  private static final double STEP_SIZE = 0.3;
  private static final int BATCH = 64;
  private static final Schedule SCHEDULE = new Schedule.Epochs(60, 5);
  private static final int GOLDEN_ROWS = 8;

  /**
   * A trained model.
   *
   * @param validation calibrated answers for the validation rows by the head that had not seen them
   */
  public record Fitted(Trained trained, Predictions validation) {}

  /**
   * Trains a model and returns it as a version that is not registered yet.
   *
   * @param madeAt when the version is made
   */
  public Fitted run(TrainingTable table, Instant madeAt, Progress progress) {
    int terms = table.features().schema().categorical().getFirst().cardinality() - 1;
    Architecture.Text architecture =
        new Architecture.Text(table.features().schema().categorical().size(), terms);
    float[] idf = TfIdf.inverseFrequencies(table.features(Part.TRAINING), terms);
    float[] encoded = encode(table.features(), idf);
    EncodedTexts validation = texts(encoded, architecture, table, Part.VALIDATION);
    LinearHead zero = LinearHead.zero(terms, table.target().classes().size());
    SoftmaxRegression regression =
        new SoftmaxRegression(
            table.target(),
            null,
            metric,
            true,
            SCHEDULE,
            STEP_SIZE,
            BATCH,
            Seeds.of("text", name, seed));
    Outcome outcome =
        regression.run(
            zero,
            texts(encoded, architecture, table, Part.TRAINING),
            validation,
            progress,
            line -> LOGGER.log(Level.INFO, line));
    LinearHead head =
        regression.refit(
            zero,
            texts(encoded, architecture, table, Part.TRAINING, Part.VALIDATION),
            outcome.bestEpoch());
    CalibrationFit calibration = CalibrationFit.of(outcome.answers());
    Evaluation ofValidation = Evaluation.of(calibration.predictions());
    Evaluation test =
        Evaluation.of(
            calibration.calibrated(
                texts(encoded, architecture, table, Part.HOLDOUT)
                    .answers(head, table.target(), outcome.answers().threshold())));
    LOGGER.log(Level.INFO, calibration.sentence());
    LOGGER.log(Level.INFO, TrainingLog.evaluation(test, metric));
    Weights weights = weights(idf, head);
    ModelVersion version =
        ModelVersion.of(
                name,
                madeAt,
                new ModelVersion.Design(architecture, table.preprocessing(), table.target()),
                lineage(table, outcome),
                weights)
            .withDecisionThreshold(outcome.answers().threshold())
            .withGolden(golden(table.features(Part.VALIDATION), validation, head))
            .withMetrics(Map.of("validation", ofValidation.toMap(), "test", test.toMap()))
            .withCalibration(calibration, table.fileHash());
    return new Fitted(
        new Trained(
            new ModelFolder.Content(version, weights),
            outcome.history().size(),
            outcome.bestEpoch(),
            outcome.bestEpoch() == SCHEDULE.most(),
            ofValidation,
            test),
        calibration.predictions());
  }

  private Lineage lineage(TrainingTable table, Outcome outcome) {
    return new Lineage(
        null,
        Strategy.HEAD.id(),
        outcome.history().size(),
        STEP_SIZE,
        table.fileHash(),
        Map.of(
            "class_weights", 1.0,
            "seed", (double) seed,
            "training_rows", (double) table.rows(Part.TRAINING).length,
            "validation_rows", (double) table.rows(Part.VALIDATION).length,
            "refit_rows",
                (double) table.rows(Part.TRAINING).length + table.rows(Part.VALIDATION).length,
            "test_rows", (double) table.rows(Part.HOLDOUT).length,
            "best_epoch", (double) outcome.bestEpoch()),
        outcome.history());
  }

  private static float[] encode(Features features, float[] idf) {
    int size = TfIdf.encodedSize(features.codes().length);
    float[] encoded = new float[Math.multiplyExact(features.rows(), size)];
    for (int row = 0; row < features.rows(); row++) {
      TfIdf.encode(features.codes(), row, idf, encoded, row * size);
    }
    return encoded;
  }

  private static EncodedTexts texts(
      float[] encoded, Architecture.Text architecture, TrainingTable table, Part... parts) {
    int[] rows = Stream.of(parts).map(table::rows).flatMapToInt(Arrays::stream).toArray();
    return EncodedTexts.select(encoded, architecture.encodedSize(), rows, table.labels());
  }

  private static Weights weights(float[] idf, LinearHead head) {
    return withHead(
        new Weights(new TreeMap<>(Map.of("encoder.idf", new Tensor(new int[] {idf.length}, idf)))),
        head);
  }

  /** The same encoder under this head. */
  static Weights withHead(Weights encoder, LinearHead head) {
    SortedMap<String, Tensor> tensors = new TreeMap<>(encoder.tensors());
    tensors.putAll(head.tensors());
    return new Weights(tensors);
  }

  /**
   * The first validation rows with the answers that training computed.
   *
   * @param features of the validation rows
   */
  static Golden golden(Features features, EncodedTexts validation, LinearHead head) {
    int count = Math.min(GOLDEN_ROWS, features.rows());
    int classes = head.classes();
    float[] all = validation.logits(head);
    float[][] logits = new float[count][];
    for (int row = 0; row < count; row++) {
      logits[row] = Arrays.copyOfRange(all, row * classes, (row + 1) * classes);
    }
    Features few = features.select(IntStream.range(0, count).toArray());
    return new Golden(few.codes(), few.numbers(), logits);
  }
}
