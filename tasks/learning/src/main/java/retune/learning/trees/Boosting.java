package retune.learning.trees;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import ml.dmlc.xgboost4j.java.Booster;
import ml.dmlc.xgboost4j.java.DMatrix;
import ml.dmlc.xgboost4j.java.XGBoost;
import ml.dmlc.xgboost4j.java.XGBoostError;
import retune.core.data.FeatureSchema;
import retune.core.data.Target;
import retune.core.finetuning.Growth;
import retune.learning.training.Progress;
import retune.model.Architecture;
import retune.model.Architecture.Trees.Input;
import retune.model.engine.FeatureCheck;
import retune.model.trees.Forest;
import retune.model.trees.TreeInputs;
import retune.model.trees.TreesFile;
import retune.model.trees.XgboostFile;

/**
 * Boosts trees with XGBoost and keeps the rounds up to the one with the least log loss on the
 * validation rows. Equal inputs and settings give the same bytes.
 *
 * @param inputs what the trees ask for, in order
 * @param target the classes; of two, the trees answer the log-odds of the positive one
 * @param balanced whether the classes weigh alike in the loss, however many rows they have
 * @param mostRounds at least 1
 * @param seed of the draw of rows for each tree
 */
record Boosting(
    List<Input> inputs,
    FeatureSchema schema,
    Target target,
    boolean balanced,
    int mostRounds,
    Growth growth,
    long seed) {
  /** Most rounds on the rows of a day. */
  static final int MOST_ROUNDS = 150;

  /** Rounds without a smaller loss after which boosting stops. */
  private static final int PATIENCE = 15;

  /** A loss that is smaller by less is not: XGBoost's losses are rounded to floats. */
  private static final double LEAST_GAIN = 1e-6;

  /** Inputs × training rows; more rows are left out, evenly spread, to bound the memory. */
  private static final int MOST_VALUES = 1 << 25;

  /** Rows that are equally likely of all classes, added so that no share is 0. */
  private static final double PRIOR_ROWS = 1;

  /**
   * What boosting found.
   *
   * @param forest the start and the trees of the rounds that were kept
   * @param bestRound the last round that was kept, from 1; 0 if no round improved on the start
   * @param losses log loss on the training and on the validation rows after each round, with those
   *     that were not kept
   * @param margins XGBoost's outputs for the validation rows, {@code [row][output]}
   */
  record Grown(Forest forest, int bestRound, List<Losses> losses, float[][] margins) {}

  /** Log losses of a round. */
  record Losses(double training, double validation) {}

  /** The outputs of a model that says the same of every row: the classes' log-odds. */
  Forest shares(List<TreeRows> training) {
    double[] weights = new double[classes()];
    Arrays.fill(weights, PRIOR_ROWS / classes());
    if (!balanced) {
      for (TreeRows rows : training) {
        for (int i = 0; i < rows.size(); i++) {
          weights[rows.label(i)] += rows.weight(i);
        }
      }
    }
    float[] margins = new float[outputs()];
    if (target.isBinary()) {
      int positive = target.positiveIndex();
      margins[0] = (float) Math.log(weights[positive] / weights[1 - positive]);
    } else {
      double sum = Arrays.stream(weights).sum();
      for (int label = 0; label < classes(); label++) {
        margins[label] = (float) Math.log(weights[label] / sum);
      }
    }
    return Forest.constant(inputs.size(), margins);
  }

  /**
   * Adds trees to a start.
   *
   * @param start has these inputs, and the trees of whole rounds
   */
  Grown run(Forest start, List<TreeRows> training, TreeRows validation, Progress progress) {
    XgboostLibrary.load();
    try (Matrix seen = new Matrix(training);
        Matrix unseen = new Matrix(List.of(validation))) {
      return boost(start, seen.matrix, unseen.matrix, progress);
    } catch (XGBoostError | IOException e) {
      throw new IllegalStateException("XGBoost failed: " + e.getMessage(), e);
    }
  }

  private Grown boost(Forest start, DMatrix training, DMatrix validation, Progress progress)
      throws XGBoostError, IOException {
    Booster booster = XGBoost.loadModel(XgboostFile.ubj(start, names()));
    try {
      booster.setParams(parameters());
      int before = start.trees().size() / start.outputs();
      double least = losses(booster, training, validation, before).validation;
      int bestRound = 0;
      List<Losses> losses = new ArrayList<>();
      while (losses.size() < mostRounds && losses.size() - bestRound < PATIENCE) {
        int round = losses.size() + 1;
        booster.update(training, before + round - 1);
        losses.add(losses(booster, training, validation, before + round));
        if (losses.getLast().validation < least - LEAST_GAIN) {
          least = losses.getLast().validation;
          bestRound = round;
        }
        progress.report("boosting", round, mostRounds);
      }
      booster.setAttr("best_iteration", Integer.toString(before + bestRound - 1));
      return new Grown(
          TreesFile.read(booster.toByteArray("ubj"), "XGBoost's model").forest(),
          bestRound,
          losses,
          booster.predict(validation, true, before + bestRound));
    } finally {
      booster.dispose();
    }
  }

  private static Losses losses(Booster booster, DMatrix training, DMatrix validation, int round)
      throws XGBoostError {
    float[] losses = new float[2];
    booster.evalSet(
        new DMatrix[] {training, validation},
        new String[] {"training", "validation"},
        round,
        losses);
    return new Losses(losses[0], losses[1]);
  }

  private Map<String, Object> parameters() {
    Map<String, Object> parameters = new HashMap<>();
    parameters.put("max_depth", growth.depth());
    parameters.put("eta", growth.step());
    parameters.put("subsample", growth.sample());
    parameters.put("min_child_weight", growth.leastWeight());
    parameters.put("lambda", growth.l2());
    parameters.put("tree_method", "hist");
    parameters.put("seed", (int) (seed & Integer.MAX_VALUE));
    // More threads would add up in another order, which changes the last bits.
    parameters.put("nthread", 1);
    parameters.put("verbosity", 0);
    parameters.put("eval_metric", target.isBinary() ? "logloss" : "mlogloss");
    return parameters;
  }

  private List<String> names() {
    return inputs.stream().map(Input::feature).toList();
  }

  private int outputs() {
    return target.isBinary() ? 1 : classes();
  }

  private int classes() {
    return target.classes().size();
  }

  /** XGBoost's number of a class. */
  private int number(int label) {
    if (!target.isBinary()) {
      return label;
    }
    return label == target.positiveIndex() ? 1 : 0;
  }

  /** Rows in XGBoost's memory. */
  private final class Matrix implements AutoCloseable {
    final DMatrix matrix;

    Matrix(List<TreeRows> given) throws XGBoostError {
      int all = given.stream().mapToInt(TreeRows::size).sum();
      double kept = Math.min(1, (double) MOST_VALUES / inputs.size() / all);
      List<TreeRows> groups =
          given.stream().map(group -> group.atMost((int) Math.ceil(kept * group.size()))).toList();
      int rows = groups.stream().mapToInt(TreeRows::size).sum();
      float[] values = new float[rows * inputs.size()];
      float[] labels = new float[rows];
      float[] weights = new float[rows];
      fill(groups, values, labels, weights);
      matrix = new DMatrix(values, rows, inputs.size(), Float.NaN);
      matrix.setFeatureTypes(TreeColumns.types(inputs, schema));
      matrix.setLabel(labels);
      matrix.setWeight(weights);
    }

    private void fill(List<TreeRows> groups, float[] values, float[] labels, float[] weights) {
      TreeInputs columns = TreeInputs.of(new Architecture.Trees(inputs, outputs(), 1, 0), schema);
      double[] byClass = classWeights(groups);
      float[] row = new float[inputs.size()];
      int at = 0;
      for (TreeRows group : groups) {
        FeatureCheck.check(group.features(), schema);
        for (int i = 0; i < group.size(); i++) {
          columns.fill(group.features(), group.rows()[i], row);
          System.arraycopy(row, 0, values, at * row.length, row.length);
          labels[at] = number(group.label(i));
          weights[at] = (float) (group.weight(i) * byClass[group.label(i)]);
          at++;
        }
      }
    }

    private double[] classWeights(List<TreeRows> groups) {
      double[] counts = new double[classes()];
      double sum = 0;
      for (TreeRows group : groups) {
        for (int i = 0; i < group.size(); i++) {
          counts[group.label(i)] += group.weight(i);
          sum += group.weight(i);
        }
      }
      double[] weights = new double[classes()];
      for (int label = 0; label < classes(); label++) {
        weights[label] = balanced && counts[label] > 0 ? sum / (classes() * counts[label]) : 1;
      }
      return weights;
    }

    @Override
    public void close() {
      matrix.dispose();
    }
  }
}
