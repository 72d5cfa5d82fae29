package retune.core.judgement.ledger;

import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * The answers of the champion and of a challenger to the same rows, counted.
 *
 * @param counts rows by true class, the champion's answer and the challenger's answer, row-major
 * @param positive index of the positive class where there are two classes; otherwise ignored
 */
public record PairedAnswers(long[] counts, int classes, int positive) {
  /** The most classes whose answers are counted in pairs: a million cells, 8 MB. */
  public static final int MOST_CLASSES = 100;

  /** The two must have answered the same rows, of at most {@value #MOST_CLASSES} classes. */
  public static PairedAnswers of(Predictions champion, Predictions challenger) {
    int classes = champion.classes();
    long[] counts = new long[classes * classes * classes];
    for (int row = 0; row < champion.rows(); row++) {
      counts[cell(classes, champion.labels()[row], champion.answer(row), challenger.answer(row))]++;
    }
    return new PairedAnswers(counts, classes, champion.positive());
  }

  /** The position of a cell in the counts. */
  public static int cell(int classes, int label, int champion, int challenger) {
    return (label * classes + champion) * classes + challenger;
  }

  /** The same with champion and challenger exchanged. */
  public PairedAnswers swapped() {
    long[] swapped = new long[counts.length];
    for (int cell = 0; cell < counts.length; cell++) {
      int label = cell / (classes * classes);
      swapped[cell(classes, label, cell % classes, cell / classes % classes)] = counts[cell];
    }
    return new PairedAnswers(swapped, classes, positive);
  }

  /** The evidence that the challenger is better; see {@link EValues#ofSuperiority}. */
  public EValues superiority(Metric metric) {
    return EValues.ofSuperiority(metric, counts, classes, positive);
  }
}
