package retune.core.judgement.ledger;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * The answers of the champion and of a challenger to the same rows, counted.
 *
 * @param cells those that have rows, ordered by label, the champion's answer and the challenger's
 * @param positive index of the positive class where there are two classes; otherwise ignored
 */
public record PairedAnswers(List<Cell> cells, int classes, int positive) {
  /**
   * Rows of one true class with one answer of each version, all as indices of classes.
   *
   * @param rows their number, at least 1
   */
  public record Cell(int label, int champion, int challenger, long rows) {}

  public PairedAnswers {
    cells = List.copyOf(cells);
  }

  /**
   * Counts rows.
   *
   * @param labels the true class of each row
   * @param champion the champion's answer to each row
   * @param challenger the challenger's answer to each row
   */
  public static PairedAnswers of(
      int[] labels, int[] champion, int[] challenger, int classes, int positive) {
    SortedMap<Long, Long> rows = new TreeMap<>();
    for (int row = 0; row < labels.length; row++) {
      long cell = ((long) labels[row] * classes + champion[row]) * classes + challenger[row];
      rows.merge(cell, 1L, Long::sum);
    }
    return new PairedAnswers(
        rows.entrySet().stream()
            .map(entry -> cell(entry.getKey(), entry.getValue(), classes))
            .toList(),
        classes,
        positive);
  }

  /** The two must have answered the same rows. */
  public static PairedAnswers of(Predictions champion, Predictions challenger) {
    return of(
        champion.labels(),
        IntStream.range(0, champion.rows()).map(champion::answer).toArray(),
        IntStream.range(0, challenger.rows()).map(challenger::answer).toArray(),
        champion.classes(),
        champion.positive());
  }

  /**
   * From the counts of all cells.
   *
   * @param counts rows by true class, the champion's answer and the challenger's answer, row-major
   */
  public static PairedAnswers ofCounts(long[] counts, int classes, int positive) {
    return new PairedAnswers(
        IntStream.range(0, counts.length)
            .filter(cell -> counts[cell] > 0)
            .mapToObj(cell -> cell(cell, counts[cell], classes))
            .toList(),
        classes,
        positive);
  }

  private static Cell cell(long position, long rows, int classes) {
    long square = (long) classes * classes;
    return new Cell(
        (int) (position / square),
        (int) (position / classes % classes),
        (int) (position % classes),
        rows);
  }

  /** The same with champion and challenger exchanged. */
  public PairedAnswers swapped() {
    return new PairedAnswers(
        cells.stream()
            .map(cell -> new Cell(cell.label, cell.challenger, cell.champion, cell.rows))
            .toList(),
        classes,
        positive);
  }

  /** Rows of each true class. */
  public long[] labels() {
    long[] labels = new long[classes];
    cells.forEach(cell -> labels[cell.label] += cell.rows);
    return labels;
  }

  /** Rows that both answer rightly. */
  public long bothRight() {
    return rows(cell -> cell.champion == cell.label && cell.challenger == cell.label);
  }

  /** Rows that the champion alone answers rightly. */
  public long championAlone() {
    return rows(cell -> cell.champion == cell.label && cell.challenger != cell.label);
  }

  /** Rows that the challenger alone answers rightly. */
  public long challengerAlone() {
    return rows(cell -> cell.champion != cell.label && cell.challenger == cell.label);
  }

  /** Rows that both answer wrongly. */
  public long bothWrong() {
    return rows(cell -> cell.champion != cell.label && cell.challenger != cell.label);
  }

  private long rows(Predicate<Cell> of) {
    return cells.stream().filter(of).mapToLong(Cell::rows).sum();
  }

  /** The evidence that the challenger is better; see {@link EValues#ofSuperiority}. */
  public EValues superiority(Metric metric) {
    return EValues.ofSuperiority(metric, this);
  }
}
