package retune.report;

import java.util.stream.IntStream;

/**
 * A line of a chart.
 *
 * @param x in drawing order
 * @param y a NaN is left out
 * @param isReference whether it is drawn dashed, as what the others are compared with
 */
public record Line(String name, double[] x, double[] y, boolean isReference) {
  public Line(String name, double[] x, double[] y) {
    this(name, x, y, false);
  }

  /** Values at 1, 2, 3 … */
  public static Line ofEpochs(String name, double[] y) {
    return new Line(name, IntStream.rangeClosed(1, y.length).asDoubleStream().toArray(), y);
  }

  /** The dashed line from (0, 0) to (1, 1). */
  public static Line diagonal(String name) {
    return new Line(name, new double[] {0, 1}, new double[] {0, 1}, true);
  }

  /** A dashed line at one height, from 0 to 1. */
  public static Line level(String name, double height) {
    return new Line(name, new double[] {0, 1}, new double[] {height, height}, true);
  }

  /** A dashed line at one place, from 0 upwards. */
  public static Line upright(String name, double x, double height) {
    return new Line(name, new double[] {x, x}, new double[] {0, height}, true);
  }
}
