package retune.core.distribution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;

/** Learns the distribution of a table. The same table always gives the same distribution. */
public final class DistributionLearner {
  /**
   * Greatest number of rows, evenly spaced in the component, that a correlation is estimated from:
   * with so many, its standard error is below 0.005.
   */
  private static final int MOST_CORRELATED_ROWS = 50_000;

  /** Number of parts into which a marginal divides the rows of the table, and of a component. */
  private static final int PARTS = 128;

  private static final int COMPONENT_PARTS = 32;

  private static final int MOST_CLASSES = 1_000;

  private DistributionLearner() {}

  /**
   * Learns the distribution of all columns of the table, given the target. Rows without a label are
   * left out.
   *
   * @param target a column of the table, and its classes
   * @param sourceHash SHA-256 of the source of the table
   * @throws InvalidInputException if the table lacks the target or any other column; if a label is
   *     not among the classes, a class has no row, or there are more than 1,000 classes; if a
   *     number is infinite, or a column has more than 1,000 distinct texts that are not dates
   */
  public static TableDistribution learn(Table table, Target target, String sourceHash) {
    Column labels = table.column(target.column());
    int[] labelled = IntStream.range(0, table.rows()).filter(r -> !labels.isMissing(r)).toArray();
    Table rows = table.select(labelled);
    int[][] rowsOfClass = rowsOfClass(target, target.encode(rows.column(target.column())));
    List<CodedColumn> columns =
        rows.columns().stream()
            .filter(column -> !column.name().equals(target.column()))
            .map(column -> CodedColumn.of(column, rowsOfClass))
            .toList();
    if (columns.isEmpty()) {
      throw new InvalidInputException(
          "The table has no column besides the target '" + target.column() + "'.");
    }
    double[][] scores =
        columns.stream()
            .map(column -> NormalScores.of(column.values()).values())
            .toArray(double[][]::new);
    return new TableDistribution(
        TableDistribution.FORMAT,
        target,
        labels instanceof Column.Numbers,
        IntStream.range(0, scores.length)
            .mapToObj(i -> feature(columns.get(i), relevance(scores[i], rowsOfClass)))
            .toList(),
        components(columns, new Regions(scores, rowsOfClass.length), rowsOfClass),
        sourceHash);
  }

  /** At most {@code most} of the rows, evenly spaced. */
  static int[] spread(int[] rows, int most) {
    int count = Math.min(rows.length, most);
    return IntStream.range(0, count)
        .map(i -> rows[(int) ((long) i * rows.length / count)])
        .toArray();
  }

  private static int[][] rowsOfClass(Target target, int[] labels) {
    if (target.classes().size() > MOST_CLASSES) {
      throw new InvalidInputException(
          "The target '"
              + target.column()
              + "' has "
              + target.classes().size()
              + " classes; at most "
              + MOST_CLASSES
              + " can be learned, so choose a column of classes.");
    }
    int[][] rows = new int[target.classes().size()][];
    for (int label = 0; label < rows.length; label++) {
      int wanted = label;
      rows[label] =
          IntStream.range(0, labels.length).filter(row -> labels[row] == wanted).toArray();
      if (rows[label].length == 0) {
        throw new InvalidInputException(
            "No row has the class '"
                + target.classes().get(label)
                + "' of '"
                + target.column()
                + "'; name the classes that the table has.");
      }
    }
    return rows;
  }

  private static FeatureColumn feature(CodedColumn column, double relevance) {
    return new FeatureColumn(
        column.name(),
        column.text(),
        column.categories(),
        column.decimals(),
        MarginalLearner.learn(column.values(), PARTS),
        relevance);
  }

  private static double relevance(double[] scores, int[][] rowsOfClass) {
    double total = Arrays.stream(scores).map(score -> score * score).sum();
    double between = 0;
    for (int[] rows : rowsOfClass) {
      double sum = Arrays.stream(rows).mapToDouble(row -> scores[row]).sum();
      between += sum * sum / rows.length;
    }
    return total == 0 ? 0 : between / total;
  }

  private static List<Component> components(
      List<CodedColumn> columns, Regions regions, int[][] rowsOfClass) {
    List<Component> components = new ArrayList<>();
    for (int label = 0; label < rowsOfClass.length; label++) {
      for (int[] rows : regions.split(rowsOfClass[label])) {
        components.add(component(label, columns, rows));
      }
    }
    return components;
  }

  private static Component component(int label, List<CodedColumn> columns, int[] rows) {
    List<Marginal> marginals =
        columns.stream()
            .map(column -> MarginalLearner.learn(column.values(rows), COMPONENT_PARTS))
            .toList();
    int[] some = spread(rows, MOST_CORRELATED_ROWS);
    double[][] values =
        columns.stream().map(column -> column.values(some)).toArray(double[][]::new);
    return new Component(label, rows.length, marginals, Correlation.estimate(values));
  }
}
