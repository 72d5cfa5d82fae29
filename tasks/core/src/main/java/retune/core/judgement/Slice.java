package retune.core.judgement;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
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

  /** Characters up to which a number is shown as it is. */
  private static final int LONGEST_NUMBER = 8;

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
      for (Members members : of(column)) {
        if (members.rows().length >= LEAST_ROWS && members.rows().length < baseline.rows()) {
          Predictions first = baseline.select(members.rows());
          Predictions second = candidate.select(members.rows());
          Influence influence = Influence.of(metric, second).minus(Influence.of(metric, first));
          double before = metric.of(first);
          double after = metric.of(second);
          slices.add(
              new Slice(
                  column.name(),
                  members.values(),
                  members.rows().length,
                  before,
                  after,
                  influence.interval(after - before, confidence)));
        }
      }
    }
    return slices.stream()
        .filter(slice -> !Double.isNaN(slice.improvement()))
        .sorted(Comparator.comparingDouble(Slice::improvement))
        .toList();
  }

  /**
   * The rows that share a value of a column, or a quarter of its numbers.
   *
   * @param values names the value or the range
   * @param rows ascending
   */
  record Members(String values, int[] rows) {}

  /**
   * What a value of a column has in common with others.
   *
   * @param range counts from the least numbers; 0 for text
   */
  private record Key(int range, String values) {}

  /** The slices of a column, in the order of their first rows. */
  static List<Members> of(Column column) {
    IntFunction<Key> key =
        column instanceof Column.Numbers numbers
            ? keyOf(numbers)
            : row -> new Key(0, String.valueOf(column.text(row)));
    Key missing = new Key(-1, MISSING);
    Map<Key, IntStream.Builder> rows = new LinkedHashMap<>();
    for (int row = 0; row < column.rows(); row++) {
      rows.computeIfAbsent(
              column.isMissing(row) ? missing : key.apply(row), unseen -> IntStream.builder())
          .add(row);
    }
    return rows.entrySet().stream()
        .map(slice -> new Members(slice.getKey().values(), slice.getValue().build().toArray()))
        .toList();
  }

  /** A number itself where there are few different ones, otherwise the range between quartiles. */
  private static IntFunction<Key> keyOf(Column.Numbers column) {
    double[] sorted =
        Arrays.stream(column.values())
            .filter(value -> !Double.isNaN(value))
            .map(Slice::withoutSignOfZero)
            .sorted()
            .toArray();
    double greatest = Arrays.stream(sorted).map(Math::abs).max().orElse(0);
    double[] few = Arrays.stream(sorted).distinct().limit(FEW_NUMBERS + 1L).toArray();
    boolean isCut = few.length > FEW_NUMBERS;
    double[] ends =
        isCut
            ? IntStream.range(1, RANGES)
                .mapToDouble(range -> sorted[(int) ((long) range * (sorted.length - 1) / RANGES)])
                .distinct()
                .toArray()
            : few;
    List<Key> keys = new ArrayList<>();
    for (int range = 0; range <= ends.length; range++) {
      String end = range < ends.length ? number(ends[range], greatest) : "";
      String start = range > 0 ? number(ends[range - 1], greatest) : "";
      String values =
          !isCut
              ? end
              : range == 0
                  ? "≤ " + end
                  : range == ends.length ? "> " + start : start + " to " + end;
      keys.add(new Key(range, values));
    }
    return row -> {
      int found = Arrays.binarySearch(ends, withoutSignOfZero(column.values()[row]));
      return keys.get(found < 0 ? -found - 1 : found);
    };
  }

  private static double withoutSignOfZero(double value) {
    return value == 0 ? 0 : value;
  }

  /** A number of many digits is rounded to a millionth of the column's greatest. */
  private static String number(double value, double greatest) {
    String exact = String.valueOf(new Column.Numbers("", new double[] {value}).text(0));
    if (exact.length() <= LONGEST_NUMBER) {
      return exact;
    }
    int digits = 6 - (int) Math.floor(Math.log10(greatest));
    return new BigDecimal(value)
        .setScale(digits, RoundingMode.HALF_EVEN)
        .stripTrailingZeros()
        .toPlainString();
  }
}
