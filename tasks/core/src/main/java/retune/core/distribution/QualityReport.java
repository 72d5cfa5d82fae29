package retune.core.distribution;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.DoubleStream;
import retune.core.InvalidInputException;
import retune.core.data.Table;

/**
 * The similarity of two tables, measured as in the QualityReport of SDMetrics 0.32 (Patki, Wedge
 * and Veeramachaneni 2016, "The Synthetic Data Vault"; sdmetrics, {@code reports.single_table}).
 * All scores are 0 … 1; 1 means equal.
 *
 * <p>The shape score of a column is one minus the Kolmogorov–Smirnov distance for numbers, and one
 * minus the total variation distance for categories; missing values are left out. The trend score
 * of two numeric columns is one minus half the absolute difference of their Pearson correlations.
 * The trend score of any other pair is one minus the total variation distance of the contingency
 * tables. In these, a numeric column has ten bins of equal width over its range in each table. A
 * missing category is a category of its own; a missing number falls beyond the last bin, as the
 * greatest number does.
 *
 * @param columnShapes mean over the columns that have a score; NaN if none has
 * @param pairTrends mean over the pairs that {@linkplain PairTrend#counts count}; NaN if none does
 * @param overall mean of the two; if one of them is NaN, the other
 */
public record QualityReport(
    double overall,
    double columnShapes,
    double pairTrends,
    List<ColumnShape> columns,
    List<PairTrend> pairs) {

  /**
   * The similarity of the values of one column.
   *
   * @param score 0 … 1; NaN if one of the tables has no value
   */
  public record ColumnShape(String column, boolean categorical, double score) {}

  /**
   * The similarity of the relation between two columns.
   *
   * @param score 0 … 1; NaN if a correlation is not defined
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
   * @param synthetic a table with the columns of {@code real}, in any order
   * @param categorical numeric columns whose values are codes; text columns are always categorical,
   *     except for more than a thousand ISO 8601 dates
   * @throws InvalidInputException if a table has no rows, or the synthetic one lacks a column
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
                        categorical.contains(column.name())))
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
