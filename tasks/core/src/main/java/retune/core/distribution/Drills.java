package retune.core.distribution;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.NormalDistribution;

/**
 * Injects a {@link Drill} into rows of one distribution. Draws row by row, so that a row does not
 * depend on the rows after it.
 */
final class Drills {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);
  private static final double SHIFT = 1.5;
  private static final double SPREAD = 0.5;

  /** Greatest share of one value in the column that cuts a segment, so that its size is right. */
  private static final double MOST_TIED = 0.2;

  private final TableDistribution distribution;
  private final Drill drill;

  /** Indices of the feature columns, the ones that differ most between the classes first. */
  private final List<Integer> byRelevance;

  Drills(TableDistribution distribution, Drill drill) {
    drill.requireOf(false);
    this.distribution = distribution;
    this.drill = drill;
    byRelevance =
        IntStream.range(0, distribution.columns().size())
            .boxed()
            .sorted(Comparator.comparingDouble(c -> -distribution.columns().get(c).relevance()))
            .toList();
  }

  CodedRows apply(CodedRows rows, RandomGenerator random) {
    if (drill.strength() == 0) {
      return rows;
    }
    return switch (drill.kind()) {
      case NONE, TYPOS, NEW_INTENTS, SWAPPED_LABELS -> rows;
      case COVARIATE_DRIFT -> new CodedRows(rows.labels(), driftCovariates(rows.values(), random));
      case CONCEPT_DRIFT -> new CodedRows(driftConcept(rows), rows.values());
      case LABEL_NOISE -> new CodedRows(drawLabels(rows.labels(), random), rows.values());
      case MISSING_BURST -> new CodedRows(rows.labels(), loseValues(rows.values(), random));
    };
  }

  private double[][] driftCovariates(double[][] values, RandomGenerator random) {
    double[][] drifted = copy(values);
    for (int row = 0; row < drifted[0].length; row++) {
      for (int column = 0; column < drifted.length; column++) {
        FeatureColumn feature = distribution.columns().get(column);
        drifted[column][row] = driftValue(feature, values[column][row], random.nextDouble());
      }
    }
    return drifted;
  }

  /**
   * @param position position of the row among the rows that share the value, 0 … 1
   */
  private double driftValue(FeatureColumn feature, double value, double position) {
    if (Double.isNaN(value)) {
      return value;
    }
    Marginal marginal = feature.marginal();
    double below = marginal.shareBelow(value);
    double share = below + position * (marginal.shareUpTo(value) - below);
    double normal = NORMAL.inverseCumulativeProbability(share);
    double moved = (1 + SPREAD * drill.strength()) * normal + SHIFT * drill.strength();
    return marginal.quantile(NORMAL.cumulativeProbability(moved), feature.decimals());
  }

  private int[] driftConcept(CodedRows rows) {
    int column = segmentColumn();
    Marginal marginal = distribution.columns().get(column).marginal();
    int[] labels = rows.labels().clone();
    for (int row = 0; row < labels.length; row++) {
      double value = rows.values()[column][row];
      if (!Double.isNaN(value) && marginal.shareUpTo(value) <= drill.strength()) {
        labels[row] = (labels[row] + 1) % distribution.target().classes().size();
      }
    }
    return labels;
  }

  private int segmentColumn() {
    return byRelevance.stream()
        .filter(c -> distribution.columns().get(c).marginal().greatestPointMass() <= MOST_TIED)
        .findFirst()
        .orElse(byRelevance.getFirst());
  }

  private int[] drawLabels(int[] labels, RandomGenerator random) {
    Weights shares = new Weights(distribution.classShares());
    int[] noisy = labels.clone();
    for (int row = 0; row < noisy.length; row++) {
      boolean drawn = random.nextDouble() < drill.strength();
      int label = shares.pick(random.nextDouble());
      noisy[row] = drawn ? label : noisy[row];
    }
    return noisy;
  }

  private double[][] loseValues(double[][] values, RandomGenerator random) {
    double[][] lossy = copy(values);
    List<Integer> losing = byRelevance.subList(0, (byRelevance.size() + 1) / 2);
    for (int row = 0; row < lossy[0].length; row++) {
      for (int column : losing) {
        if (random.nextDouble() < drill.strength()) {
          lossy[column][row] = Double.NaN;
        }
      }
    }
    return lossy;
  }

  private static double[][] copy(double[][] values) {
    return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
  }
}
