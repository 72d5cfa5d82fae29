package retune.learning.trees;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import ml.dmlc.xgboost4j.java.Booster;
import ml.dmlc.xgboost4j.java.DMatrix;
import ml.dmlc.xgboost4j.java.XGBoost;
import ml.dmlc.xgboost4j.java.XGBoostError;
import org.jspecify.annotations.Nullable;
import retune.core.calibration.CalibrationFit;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.learning.training.Progress;
import retune.learning.training.TrainingTable;
import retune.model.engine.Outputs;

/**
 * A plain logistic regression, for people to compare models with; it becomes no version. Each
 * category has a weight, and each number one, as the preprocessing scales it. XGBoost's coordinate
 * descent fits them with a weak L2 penalty, until the log loss on the validation rows does not fall
 * any more. Equal rows give equal answers.
 *
 * @param metric chooses the decision threshold on the validation rows
 */
public record LogisticRegression(Metric metric) {
  private static final int MOST_ROUNDS = 200;
  private static final int PATIENCE = 5;
  private static final double L2 = 1e-4;

  /** Codes and numbers of all training rows; more rows are left out, evenly spread. */
  private static final int MOST_VALUES = 1 << 24;

  private static final double EVEN_THRESHOLD = 0.5;

  /** Calibrated answers, with the decision threshold chosen. */
  public record Answers(Predictions validation, Predictions holdout) {}

  private record Margins(float[][] validation, float[][] holdout, double loss) {}

  /** Fits on the training rows and answers the others. */
  public Answers fit(TrainingTable table, Progress progress) {
    XgboostLibrary.load();
    int[] training = table.rows(Part.TRAINING);
    int most = Math.max(1, MOST_VALUES / table.features().schema().size());
    int[] fitted = new TreeRows(table.features(), training, table.labels()).atMost(most).rows();
    try {
      return fit(table, fitted, progress);
    } catch (XGBoostError e) {
      throw new IllegalStateException("XGBoost failed: " + e.getMessage(), e);
    }
  }

  private Answers fit(TrainingTable table, int[] fitted, Progress progress) throws XGBoostError {
    Target target = table.target();
    Features features = table.features();
    int[] validationLabels = table.labels(Part.VALIDATION);
    DMatrix training = matrix(features.select(fitted));
    DMatrix validation = matrix(table.features(Part.VALIDATION));
    DMatrix holdout = matrix(table.features(Part.HOLDOUT));
    @Nullable Booster booster = null;
    try {
      training.setLabel(
          labels(target, Arrays.stream(fitted).map(row -> table.labels()[row]).toArray()));
      booster = XGBoost.train(training, parameters(target), 0, Map.of(), null, null);
      Margins best = margins(booster, target, validation, validationLabels, holdout);
      int bestRound = 0;
      for (int round = 1; round <= MOST_ROUNDS && round - bestRound <= PATIENCE; round++) {
        booster.update(training, round - 1);
        Margins now = margins(booster, target, validation, validationLabels, holdout);
        if (now.loss < best.loss) {
          best = now;
          bestRound = round;
        }
        progress.report("logistic regression", round, MOST_ROUNDS);
      }
      CalibrationFit calibration =
          CalibrationFit.of(
              GrownTrees.withBestThreshold(
                  metric, predictions(target, best.validation, validationLabels)));
      return new Answers(
          calibration.predictions(),
          calibration.calibrated(
              predictions(target, best.holdout, table.labels(Part.HOLDOUT))
                  .withThreshold(calibration.uncalibrated().threshold())));
    } finally {
      if (booster != null) {
        booster.dispose();
      }
      List.of(training, validation, holdout).forEach(DMatrix::dispose);
    }
  }

  private static Margins margins(
      Booster booster, Target target, DMatrix validation, int[] labels, DMatrix holdout)
      throws XGBoostError {
    float[][] ofValidation = booster.predict(validation, true);
    return new Margins(
        ofValidation,
        booster.predict(holdout, true),
        ClassificationMetrics.logLoss(predictions(target, ofValidation, labels)));
  }

  private static Predictions predictions(Target target, float[][] margins, int[] labels) {
    int classes = target.classes().size();
    float[] logits = new float[margins.length * classes];
    for (int row = 0; row < margins.length; row++) {
      System.arraycopy(GrownTrees.logits(target, margins[row]), 0, logits, row * classes, classes);
    }
    return Outputs.of(logits, target, EVEN_THRESHOLD).against(labels);
  }

  private static Map<String, Object> parameters(Target target) {
    Map<String, Object> parameters = new HashMap<>();
    parameters.put("booster", "gblinear");
    parameters.put("updater", "coord_descent");
    parameters.put("lambda", L2);
    parameters.put("nthread", 1);
    parameters.put("verbosity", 0);
    parameters.put("objective", target.isBinary() ? "binary:logistic" : "multi:softprob");
    if (!target.isBinary()) {
      parameters.put("num_class", target.classes().size());
    }
    return parameters;
  }

  private static float[] labels(Target target, int[] classes) {
    float[] labels = new float[classes.length];
    for (int row = 0; row < classes.length; row++) {
      labels[row] =
          target.isBinary() ? (classes[row] == target.positiveIndex() ? 1 : 0) : classes[row];
    }
    return labels;
  }

  /** A column for each code of each categorical feature, then the numbers. */
  private static DMatrix matrix(Features features) throws XGBoostError {
    List<Categorical> categorical = features.schema().categorical();
    int numbers = features.numbers().length;
    int[] firsts = new int[categorical.size()];
    int columns = 0;
    for (int feature = 0; feature < firsts.length; feature++) {
      firsts[feature] = columns;
      columns += categorical.get(feature).cardinality();
    }
    int size = firsts.length + numbers;
    long[] starts = new long[features.rows() + 1];
    int[] places = new int[features.rows() * size];
    float[] values = new float[places.length];
    int at = 0;
    for (int row = 0; row < features.rows(); row++) {
      for (int feature = 0; feature < firsts.length; feature++) {
        places[at] = firsts[feature] + features.codes()[feature][row];
        values[at++] = 1;
      }
      for (int feature = 0; feature < numbers; feature++) {
        places[at] = columns + feature;
        values[at++] = features.numbers()[feature][row];
      }
      starts[row + 1] = at;
    }
    return new DMatrix(starts, places, values, DMatrix.SparseType.CSR, columns + numbers);
  }
}
