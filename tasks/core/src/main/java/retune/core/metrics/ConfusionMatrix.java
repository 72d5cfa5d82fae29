package retune.core.metrics;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How often each class was predicted for each true class.
 *
 * <p>A quotient with denominator 0 (a class that is never predicted, or never true) is 0. Means
 * over classes exclude a class that occurs neither among labels nor predictions, as in
 * scikit-learn.
 *
 * @param counts {@code [true class][predicted class]}
 */
public record ConfusionMatrix(long[][] counts) {
  public int classes() {
    return counts.length;
  }

  public long total() {
    return IntStream.range(0, classes()).mapToLong(this::trueRows).sum();
  }

  /** The counts by true class, as documents contain them. */
  public List<List<Long>> toLists() {
    return Arrays.stream(counts).map(row -> Arrays.stream(row).boxed().toList()).toList();
  }

  public double accuracy() {
    long correct = IntStream.range(0, classes()).mapToLong(label -> counts[label][label]).sum();
    return quotient(correct, total());
  }

  /** The share of rows predicted as the class that belong to it. */
  public double precision(int label) {
    return quotient(counts[label][label], answeredRows(label));
  }

  /** The share of the class's rows that are predicted as it. */
  public double recall(int label) {
    return quotient(counts[label][label], trueRows(label));
  }

  /** The harmonic mean of the class's precision and recall. */
  public double f1(int label) {
    return quotient(2 * counts[label][label], trueRows(label) + answeredRows(label));
  }

  public double macroPrecision() {
    return macro(this::precision);
  }

  public double macroRecall() {
    return macro(this::recall);
  }

  public double macroF1() {
    return macro(this::f1);
  }

  /** The mean F1 over classes, weighted by their number of true rows. */
  public double weightedF1() {
    double sum = 0;
    for (int label = 0; label < classes(); label++) {
      sum += f1(label) * trueRows(label);
    }
    return sum / total();
  }

  private double macro(IntToDoubleFunction ofClass) {
    return IntStream.range(0, classes())
        .filter(label -> trueRows(label) + answeredRows(label) > 0)
        .mapToDouble(ofClass)
        .average()
        .orElse(0);
  }

  /** Rows of the class. */
  public long trueRows(int label) {
    long rows = 0;
    for (long count : counts[label]) {
      rows += count;
    }
    return rows;
  }

  /** Rows that are answered with the class. */
  public long answeredRows(int label) {
    long rows = 0;
    for (long[] ofTrueClass : counts) {
      rows += ofTrueClass[label];
    }
    return rows;
  }

  private static double quotient(long numerator, long denominator) {
    return denominator == 0 ? 0 : (double) numerator / denominator;
  }
}
