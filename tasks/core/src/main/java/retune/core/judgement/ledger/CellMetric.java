package retune.core.judgement.ledger;

import java.util.stream.IntStream;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.statistics.Influence;

/**
 * A metric as a function of the shares of the confusion matrix's cells, by true class and answered
 * class, row-major.
 *
 * @param positive index of the positive class where there are two classes; otherwise ignored
 */
record CellMetric(Metric metric, int classes, int positive) implements TangentBets.Function {
  /** Turns shares into counts, of which a {@link ConfusionMatrix} consists. */
  private static final double SCALE = 1e15;

  @Override
  public double value(double[] shares) {
    return metric.of(matrix(shares), positive);
  }

  @Override
  public double[] influences(double[] shares) {
    return Influence.ofCells(metric, matrix(shares), positive);
  }

  private ConfusionMatrix matrix(double[] shares) {
    long[][] counts = new long[classes][classes];
    for (int cell = 0; cell < shares.length; cell++) {
      counts[cell / classes][cell % classes] = Math.round(shares[cell] * SCALE);
    }
    return new ConfusionMatrix(counts);
  }

  /**
   * How much greater the metric is for the first of two answers than for the second, as a function
   * of the shares of cells by true class, first answer and second answer, row-major.
   */
  TangentBets.Function firstMinusSecond() {
    return new TangentBets.Function() {
      @Override
      public double value(double[] shares) {
        return CellMetric.this.value(first(shares)) - CellMetric.this.value(second(shares));
      }

      @Override
      public double[] influences(double[] shares) {
        double[] ofFirst = CellMetric.this.influences(first(shares));
        double[] ofSecond = CellMetric.this.influences(second(shares));
        return IntStream.range(0, shares.length)
            .mapToDouble(cell -> ofFirst[firstCell(cell)] - ofSecond[secondCell(cell)])
            .toArray();
      }
    };
  }

  private double[] first(double[] shares) {
    double[] marginal = new double[classes * classes];
    for (int cell = 0; cell < shares.length; cell++) {
      marginal[firstCell(cell)] += shares[cell];
    }
    return marginal;
  }

  private double[] second(double[] shares) {
    double[] marginal = new double[classes * classes];
    for (int cell = 0; cell < shares.length; cell++) {
      marginal[secondCell(cell)] += shares[cell];
    }
    return marginal;
  }

  private int firstCell(int cell) {
    return cell / classes;
  }

  private int secondCell(int cell) {
    return cell / (classes * classes) * classes + cell % classes;
  }
}
