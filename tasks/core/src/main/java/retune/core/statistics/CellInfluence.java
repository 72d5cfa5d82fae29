package retune.core.statistics;

import java.util.stream.IntStream;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;

/**
 * The influence of a row on a metric that depends on the answers alone: the derivative of the
 * metric by the count of the row's cell of the {@link ConfusionMatrix}, times the rows. A row
 * changes the quotients of its true class and of its answered class only, so that the sums over
 * rows and columns are taken once, and a cell costs the same for any number of classes.
 */
final class CellInfluence {
  private final Metric metric;
  private final int classes;
  private final int positive;
  private final double rows;
  private final double[] hits;
  private final double[] isTrue;
  private final double[] isAnswered;
  private final long occurring;
  private final double value;

  private CellInfluence(Metric metric, ConfusionMatrix confusion, int positive) {
    this.metric = metric;
    this.classes = confusion.classes();
    this.positive = positive;
    this.hits = new double[classes];
    this.isTrue = new double[classes];
    this.isAnswered = new double[classes];
    for (int label = 0; label < classes; label++) {
      long[] cells = confusion.counts()[label];
      hits[label] = cells[label];
      for (int answer = 0; answer < classes; answer++) {
        isTrue[label] += cells[answer];
        isAnswered[answer] += cells[answer];
      }
    }
    this.rows = confusion.total();
    this.occurring =
        IntStream.range(0, classes).filter(of -> isTrue[of] + isAnswered[of] > 0).count();
    this.value = metric.of(confusion, positive);
  }

  /**
   * For a metric of a confusion matrix.
   *
   * @param positive index of the positive class where there are two classes; otherwise ignored
   */
  static CellInfluence of(Metric metric, ConfusionMatrix confusion, int positive) {
    return new CellInfluence(metric, confusion, positive);
  }

  /** The influence of a row of each cell, by true class and answered class, row-major. */
  double[] all() {
    return IntStream.range(0, classes * classes)
        .mapToDouble(cell -> at(cell / classes, cell % classes))
        .toArray();
  }

  /** The influence of a row of this true class with this answer. */
  double at(int label, int answer) {
    boolean binary = classes == 2;
    return switch (metric) {
      case ACCURACY -> (label == answer ? 1 : 0) - value;
      case F1_MACRO -> macro(Quotient.F1, label, answer);
      case F1_WEIGHTED -> weightedF1(label, answer);
      case F1_SCORE ->
          binary ? ofPositive(Quotient.F1, label, answer) : macro(Quotient.F1, label, answer);
      case PRECISION ->
          binary
              ? ofPositive(Quotient.PRECISION, label, answer)
              : macro(Quotient.PRECISION, label, answer);
      case RECALL ->
          binary
              ? ofPositive(Quotient.RECALL, label, answer)
              : macro(Quotient.RECALL, label, answer);
      case ROC_AUC ->
          throw new IllegalArgumentException("is not a function of the confusion matrix");
    };
  }

  private double ofPositive(Quotient kind, int label, int answer) {
    return rows * derivative(kind, positive, label, answer);
  }

  private double macro(Quotient kind, int label, int answer) {
    return rows * sum(kind, label, answer, 1, 1) / occurring;
  }

  private double weightedF1(int label, int answer) {
    double ofClass = isTrue[label] + isAnswered[label];
    double f1 = ofClass == 0 ? 0 : 2 * hits[label] / ofClass;
    return f1 - value + sum(Quotient.F1, label, answer, isTrue[label], isTrue[answer]);
  }

  /** The sum over the classes whose quotients a row of the cell changes. */
  private double sum(Quotient kind, int label, int answer, double ofLabel, double ofAnswer) {
    double sum = ofLabel * derivative(kind, label, label, answer);
    return label == answer ? sum : sum + ofAnswer * derivative(kind, answer, label, answer);
  }

  /** The derivative of a class's quotient by the count of a cell. */
  private double derivative(Quotient kind, int of, int label, int answer) {
    double among = kind.rows(isTrue[of], isAnswered[of]);
    if (among == 0) {
      return 0;
    }
    double newHits = label == of && answer == of ? 1 : 0;
    double newRows = kind.rows(label == of ? 1 : 0, answer == of ? 1 : 0);
    return (newHits * among - hits[of] * newRows) / (among * among);
  }

  /** What precision, recall and F1 of a class are: hits by rows. */
  private enum Quotient {
    PRECISION,
    RECALL,
    F1;

    double rows(double isTrue, double isAnswered) {
      return switch (this) {
        case PRECISION -> isAnswered;
        case RECALL -> isTrue;
        case F1 -> (isTrue + isAnswered) / 2;
      };
    }
  }
}
