package retune.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * An axis of a chart.
 *
 * @param name what it shows, with its unit where it has one
 */
public record Axis(String name, Range range) {
  private static final MathContext FOUR_DIGITS = new MathContext(4);
  private static final double LEAST_PLAIN = 1e-4;
  private static final double GREATEST_PLAIN = 1e9;

  /** What the axis spans. */
  public enum Range {
    /** The values, with a little room at both ends. */
    VALUES,
    /** The values, which are whole numbers: no tick stands between two of them. */
    WHOLE,
    /** 0 to 1. */
    UNIT
  }

  /** An axis of a share, a rate or a probability. */
  public static Axis unit(String name) {
    return new Axis(name, Range.UNIT);
  }

  /** An axis of whole numbers. */
  public static Axis whole(String name) {
    return new Axis(name, Range.WHOLE);
  }

  /** An axis that spans its values. */
  public static Axis values(String name) {
    return new Axis(name, Range.VALUES);
  }

  /**
   * A number as axes and tables show it: four significant digits, no trailing zeros, commas between
   * thousands; very large and very small numbers with an exponent.
   */
  public static String label(double number) {
    double size = Math.abs(number);
    if (number == 0 || (size >= LEAST_PLAIN && size < GREATEST_PLAIN)) {
      BigDecimal rounded = new BigDecimal(number).round(FOUR_DIGITS).stripTrailingZeros();
      return String.format(Locale.ROOT, "%,." + Math.max(0, rounded.scale()) + "f", rounded);
    }
    return String.format(Locale.ROOT, "%.4g", number)
        .replaceFirst("(\\.\\d*?)0+(e|$)", "$1$2")
        .replaceFirst("\\.(e|$)", "$1");
  }

  Scale scale(double[] values) {
    if (range == Range.UNIT) {
      return new Scale(0, 1, 0);
    }
    double[] finite = Arrays.stream(values).filter(Double::isFinite).toArray();
    double least = Arrays.stream(finite).min().orElse(0);
    double greatest = Arrays.stream(finite).max().orElse(1);
    double room = greatest > least ? (greatest - least) * 0.05 : 0.5;
    return new Scale(least - room, greatest + room, range == Range.WHOLE ? 1 : 0);
  }

  /**
   * Where values stand on an axis.
   *
   * @param leastStep smallest distance of two ticks
   */
  record Scale(double from, double to, double leastStep) {

    double place(double value, double start, double end) {
      return start + (value - from) / (to - from) * (end - start);
    }

    /** Two to six round numbers; of whole numbers at least one. */
    double[] ticks() {
      double rough = (to - from) / 4;
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double lead = rough / power;
      double round = (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10) * power;
      double step = Math.max(leastStep, round);
      long first = (long) Math.ceil(from / step - 1e-9);
      long last = (long) Math.floor(to / step + 1e-9);
      return IntStream.rangeClosed(0, (int) (last - first))
          .mapToDouble(i -> (first + i) * step)
          .toArray();
    }
  }
}
