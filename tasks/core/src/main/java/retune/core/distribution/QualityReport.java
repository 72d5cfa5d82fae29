package retune.core.distribution;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.DoubleStream;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;

/**
 * How alike two tables are, as the QualityReport of SDMetrics 0.32 says it (Patki, Wedge and
 * Veeramachaneni 2016, "The Synthetic Data Vault"; sdmetrics, {@code reports.single_table}). All
 * scores are 0 … 1, 1 for the same.
 *
 * <p>A column's shape is one minus the Kolmogorov–Smirnov distance of numbers, or one minus the
 * total variation distance of categories; missing values do not count. A pair's trend is one minus
 * half of the difference of Pearson's correlations of two numeric columns, or one minus the total
 * variation distance of the contingency tables of any others, where a numeric column has ten bins
 * of equal width over its own range, missing is a value like others.
 *
 * @param columnShapes mean over the columns that have a score; NaN where none has
 * @param pairTrends mean over the pairs that are {@linkplain PairTrend#counts counted}; NaN where
 *     none is
 * @param overall mean of the two, of one where the other is NaN
 */
public record QualityReport(
    double overall,
    double columnShapes,
    double pairTrends,
    List<ColumnShape> columns,
    List<PairTrend> pairs) {

  /**
   * How alike the values of one column are.
   *
   * @param score NaN where a table has no value
   */
  public record ColumnShape(String column, boolean categorical, double score) {}

  /**
   * How alike two columns hang together.
   *
   * @param score NaN where a correlation is not defined
   * @param counts whether the real table shows a trend: a correlation beyond ±0.5, or a Cramér's V
   *     of the contingency table above 0.3
   */
  public record PairTrend(String first, String second, double score, boolean counts) {}

  public QualityReport {
    columns = List.copyOf(columns);
    pairs = List.copyOf(pairs);
  }

  /**
   * Compares a synthetic table with the real one.
   *
   * @param synthetic has the columns of {@code real}, in any order
   * @param categorical columns of numbers that are codes; texts always are
   */
  public static QualityReport compare(Table real, Table synthetic, Set<String> categorical) {
    if (real.rows() == 0 || synthetic.rows() == 0) {
      throw new InvalidInputException(
          "A table without rows cannot be compared; give at least one.");
    }
    List<ComparedColumn> compared =
        real.columns().stream()
            .map(
                column ->
                    ComparedColumn.of(
                        column,
                        synthetic.column(column.name()),
                        column instanceof Column.Texts || categorical.contains(column.name())))
            .toList();
    List<ColumnShape> columns = compared.stream().map(ComparedColumn::shape).toList();
    List<PairTrend> pairs = new ArrayList<>();
    for (int first = 0; first < compared.size(); first++) {
      for (int second = first + 1; second < compared.size(); second++) {
        pairs.add(compared.get(first).trend(compared.get(second)));
      }
    }
    double columnShapes = mean(columns.stream().mapToDouble(ColumnShape::score));
    double pairTrends =
        mean(pairs.stream().filter(PairTrend::counts).mapToDouble(PairTrend::score));
    double overall = mean(DoubleStream.of(columnShapes, pairTrends));
    return new QualityReport(overall, columnShapes, pairTrends, columns, pairs);
  }

  private static double mean(DoubleStream scores) {
    return scores.filter(score -> !Double.isNaN(score)).average().orElse(Double.NaN);
  }
}
