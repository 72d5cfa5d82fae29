package retune.core.judgement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.core.statistics.Interval;

/**
 * The rows that share a value of a column, or a range of its numbers, with a metric of two models.
 *
 * @param values names the value or the range: {@code ≤ 35}
 * @param interval of the new model's value less the baseline's
 */
public record Slice(
    String column, String values, int rows, double baseline, double candidate, Interval interval) {
  /** Slices of fewer rows say nothing. */
  public static final int LEAST_ROWS = 50;

  /** Columns of numbers with at most so many different ones are cut by number. */
  private static final int FEW_NUMBERS = 10;

  private static final int RANGES = 4;
  private static final String MISSING = "(missing)";

  /** The new model's value less the baseline's. */
  public double improvement() {
    return candidate - baseline;
  }

  /**
   * The slices of at least {@value #LEAST_ROWS} rows, those first that lose most. A column of
   * numbers is cut at its quartiles. Slices in which the metric is not defined are left out.
   *
   * @param rows the columns of the predicted rows
   * @param confidence of the intervals
   */
  public static List<Slice> worstFirst(
      Metric metric, Table rows, Predictions baseline, Predictions candidate, double confidence) {
    List<Slice> slices = new ArrayList<>();
    for (Column column : rows.columns()) {
      rowsByValue(column)
          .forEach(
              (values, members) -> {
                if (members.length >= LEAST_ROWS && members.length < baseline.rows()) {
                  Predictions first = baseline.select(members);
                  Predictions second = candidate.select(members);
                  Influence influence =
                      Influence.of(metric, second).minus(Influence.of(metric, first));
                  double before = metric.of(first);
                  double after = metric.of(second);
                  slices.add(
                      new Slice(
                          column.name(),
                          values,
                          members.length,
                          before,
                          after,
                          influence.interval(after - before, confidence)));
                }
              });
    }
    return slices.stream()
        .filter(slice -> !Double.isNaN(slice.improvement()))
        .sorted(Comparator.comparingDouble(Slice::improvement))
        .toList();
  }

  private static Map<String, int[]> rowsByValue(Column column) {
    IntFunction<String> value =
        column instanceof Column.Numbers numbers
            ? rangeOf(numbers)
            : row -> String.valueOf(column.text(row));
    Map<String, List<Integer>> rows =
        IntStream.range(0, column.rows())
            .boxed()
            .collect(
                Collectors.groupingBy(
                    row -> column.isMissing(row) ? MISSING : value.apply(row),
                    LinkedHashMap::new,
                    Collectors.toList()));
    Map<String, int[]> arrays = new LinkedHashMap<>();
    rows.forEach(
        (name, members) ->
            arrays.put(name, members.stream().mapToInt(Integer::intValue).toArray()));
    return arrays;
  }

  /** Names the range between quartiles that a row's number is in, or the number itself. */
  private static IntFunction<String> rangeOf(Column.Numbers column) {
    double[] sorted =
        Arrays.stream(column.values()).filter(value -> !Double.isNaN(value)).sorted().toArray();
    if (Arrays.stream(sorted).distinct().limit(FEW_NUMBERS + 1L).count() <= FEW_NUMBERS) {
      return row -> String.valueOf(column.text(row));
    }
    TreeSet<Double> ends = new TreeSet<>();
    for (int range = 1; range < RANGES; range++) {
      ends.add(sorted[(int) ((long) range * (sorted.length - 1) / RANGES)]);
    }
    return row -> {
      Double end = ends.ceiling(column.values()[row]);
      Double start = ends.lower(column.values()[row]);
      if (start == null) {
        return "≤ " + number(ends.first());
      }
      return end == null ? "> " + number(start) : number(start) + " to " + number(end);
    };
  }

  private static String number(double value) {
    return String.valueOf(new Column.Numbers("", new double[] {value}).text(0));
  }
}
