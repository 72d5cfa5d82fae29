package retune.steps.authoring;

import java.time.LocalDate;
import java.util.Set;
import java.util.stream.IntStream;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.DistributionLearner;
import retune.core.distribution.Drill;
import retune.core.distribution.QualityReport;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;

/**
 * A table's distribution, with equal numbers of real and generated rows for comparison.
 *
 * @param real rows of the table, evenly spaced
 * @param generated rows drawn from the distribution
 * @param quality the similarity of {@code real} and {@code generated}
 */
public record LearnedTable(
    TableDistribution distribution, Table real, Table generated, QualityReport quality) {
  /** Comparing more rows hardly changes the scores. */
  private static final int MOST_COMPARED_ROWS = 50_000;

  /** Limits rows times column pairs, and thus the time for a table with many columns. */
  private static final long MOST_COMPARISONS = 1_000_000_000;

  /** The logical date of the generated rows; any date would do. */
  private static final LocalDate COMPARED_DATE = LocalDate.EPOCH;

  /**
   * Learns a table's distribution and measures its quality on at most 50,000 rows.
   *
   * @param table the target and the columns to generate
   * @param categorical numeric columns whose values are codes
   * @param sourceHash SHA-256 of the table's file
   * @param seed random seed of the generated rows
   */
  public static LearnedTable of(
      Table table, Target target, Set<String> categorical, String sourceHash, long seed) {
    TableDistribution distribution = DistributionLearner.learn(table, target, sourceHash);
    long pairs = Math.max(1, (long) table.columns().size() * table.columns().size() / 2);
    int count =
        (int) Math.min(Math.min(table.rows(), MOST_COMPARED_ROWS), MOST_COMPARISONS / pairs);
    int[] spread =
        IntStream.range(0, count).map(i -> (int) ((long) i * table.rows() / count)).toArray();
    Table real = table.select(spread);
    Table generated = new TableSampler(distribution, seed, COMPARED_DATE, Drill.NONE).table(count);
    return new LearnedTable(
        distribution, real, generated, QualityReport.compare(real, generated, categorical));
  }
}
