package retune.core.drift;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.DriftReport.Effect;
import retune.core.drift.DriftReport.Histogram;
import retune.core.statistics.Interval;

/** How large a column's change is in its own unit, and how its distributions look. */
final class Effects {
  private static final double CONFIDENCE = 0.95;
  private static final int RANGES = 20;
  private static final int MOST_BARS = 12;

  private Effects() {}

  static Effect ofMeans(Numbers column, Moments reference, Moments current) {
    double error =
        column.scale()
            * Math.sqrt(
                reference.variance() / reference.rows() + current.variance() / current.rows());
    double before = column.center() + column.scale() * reference.mean();
    double after = column.center() + column.scale() * current.mean();
    return new Effect("mean", before, after, after - before, interval(after - before, error));
  }

  /** Of the category whose share changed most. */
  static Effect ofShares(Codes column) {
    double[] reference = shares(column.reference(), column.labels().size());
    double[] current = shares(column.current(), column.labels().size());
    int most =
        IntStream.range(0, reference.length)
            .boxed()
            .max(Comparator.comparingDouble(code -> Math.abs(current[code] - reference[code])))
            .orElse(0);
    double difference = current[most] - reference[most];
    double error =
        errorOfShares(
            reference[most], column.reference().length, current[most], column.current().length);
    return new Effect(
        column.labels().get(most),
        reference[most],
        current[most],
        difference,
        interval(difference, error));
  }

  /** Equal ranges between the lowest and the highest percentile of both, with the rest outside. */
  static Histogram histogram(Numbers column, float[] reference, float[] current) {
    float low = Math.min(at(reference, 0.01), at(current, 0.01));
    float high = Math.max(at(reference, 0.99), at(current, 0.99));
    double width = high > low ? ((double) high - low) / RANGES : 1;
    List<String> labels = new ArrayList<>();
    for (int range = 0; range < RANGES; range++) {
      labels.add(
          "%s to %s".formatted(end(column, low, width, range), end(column, low, width, range + 1)));
    }
    return new Histogram(labels, ranges(reference, low, width), ranges(current, low, width));
  }

  /** The most frequent categories of either sample, in the order of their codes, and the others. */
  static Histogram histogram(Codes column) {
    double[] reference = shares(column.reference(), column.labels().size());
    double[] current = shares(column.current(), column.labels().size());
    int[] shown =
        IntStream.range(0, reference.length)
            .boxed()
            .filter(code -> reference[code] + current[code] > 0)
            .sorted(Comparator.comparingDouble(code -> -Math.max(reference[code], current[code])))
            .limit(MOST_BARS)
            .sorted()
            .mapToInt(code -> code)
            .toArray();
    List<String> labels = new ArrayList<>();
    double[] first = new double[shown.length + 1];
    double[] second = new double[shown.length + 1];
    first[shown.length] = 1;
    second[shown.length] = 1;
    for (int bar = 0; bar < shown.length; bar++) {
      labels.add(column.labels().get(shown[bar]));
      first[bar] = reference[shown[bar]];
      second[bar] = current[shown[bar]];
      first[shown.length] -= first[bar];
      second[shown.length] -= second[bar];
    }
    if (Math.max(first[shown.length], second[shown.length]) > 1e-9) {
      labels.add("others");
      return new Histogram(labels, first, second);
    }
    return new Histogram(
        labels, Arrays.copyOf(first, shown.length), Arrays.copyOf(second, shown.length));
  }

  /** The end of a range in the column's unit; what rounding leaves of 0 is 0. */
  private static String end(Numbers column, float low, double width, int range) {
    double end = column.center() + column.scale() * (low + range * width);
    return number(Math.abs(end) < column.scale() * width / 1_000 ? 0 : end);
  }

  static Interval interval(double difference, double error) {
    double reach = Distances.reach(error);
    return new Interval(difference - reach, difference + reach, CONFIDENCE);
  }

  /** The standard error of the difference of two shares. */
  static double errorOfShares(double first, long firstRows, double second, long secondRows) {
    return Math.sqrt(first * (1 - first) / firstRows + second * (1 - second) / secondRows);
  }

  private static double[] shares(int[] codes, int cardinality) {
    double[] shares = new double[cardinality];
    for (int code : codes) {
      shares[code] += 1.0 / codes.length;
    }
    return shares;
  }

  private static double[] ranges(float[] values, float low, double width) {
    double[] shares = new double[RANGES];
    for (float value : values) {
      int range = (int) Math.clamp((value - low) / width, 0, RANGES - 1.0);
      shares[range] += 1.0 / values.length;
    }
    return shares;
  }

  private static float at(float[] sorted, double share) {
    return sorted[(int) (share * (sorted.length - 1))];
  }

  /** Four significant digits. */
  private static String number(double value) {
    return new BigDecimal(value).round(new MathContext(4)).stripTrailingZeros().toPlainString();
  }
}
