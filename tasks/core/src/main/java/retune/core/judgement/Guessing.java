package retune.core.judgement;

import java.util.stream.IntStream;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * What answers score that do not look at the row.
 *
 * @param labels rows of each true class
 * @param answers rows of each answered class
 */
record Guessing(long[] labels, long[] answers, int positive) {
  static Guessing of(Predictions predictions) {
    long[] labels = new long[predictions.classes()];
    long[] answers = new long[predictions.classes()];
    for (int row = 0; row < predictions.rows(); row++) {
      labels[predictions.labels()[row]]++;
      answers[predictions.answer(row)]++;
    }
    return new Guessing(labels, answers, predictions.positive());
  }

  /** The metric of the better of the two; not for the ROC AUC. */
  double best(Metric metric) {
    return Math.max(constant(metric), shuffled(metric));
  }

  /** The metric of the best constant answer. */
  double constant(Metric metric) {
    return IntStream.range(0, labels.length)
        .mapToDouble(
            answer -> {
              long[] always = new long[labels.length];
              always[answer] = 1;
              return expected(metric, always);
            })
        .max()
        .orElseThrow();
  }

  /** The metric that is expected of the model's own answers in random order. */
  double shuffled(Metric metric) {
    return expected(metric, answers);
  }

  /** How many classes are answered. */
  int answeredClasses() {
    return count(answers);
  }

  /** How many classes have rows. */
  int labelledClasses() {
    return count(labels);
  }

  /** Rows of the rarest class that occurs among labels or answers. */
  long rarest() {
    return IntStream.range(0, labels.length)
        .filter(label -> labels[label] + answers[label] > 0)
        .mapToLong(label -> labels[label])
        .min()
        .orElseThrow();
  }

  private static int count(long[] rows) {
    return (int) IntStream.range(0, rows.length).filter(label -> rows[label] > 0).count();
  }

  /** Of the expected confusion matrix, up to a factor, of answers independent of the labels. */
  private double expected(Metric metric, long[] shares) {
    long[][] counts =
        IntStream.range(0, labels.length)
            .mapToObj(
                label ->
                    IntStream.range(0, labels.length)
                        .mapToLong(answer -> labels[label] * shares[answer])
                        .toArray())
            .toArray(long[][]::new);
    return metric.of(new ConfusionMatrix(counts), positive);
  }
}
