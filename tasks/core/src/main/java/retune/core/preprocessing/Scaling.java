package retune.core.preprocessing;

/**
 * Turns a number into a feature: {@code (x − center) / scale}, clipped to ± {@code limit}.
 *
 * @param scale greater than 0
 * @param limit greatest absolute value of the feature, finite as a float32
 */
public record Scaling(double center, double scale, double limit) {
  /** The number as it is. */
  public static final Scaling NONE = new Scaling(0, 1, Float.MAX_VALUE);

  public Scaling {
    if (!(Double.isFinite(center) && scale > 0 && Double.isFinite(scale))) {
      throw new IllegalArgumentException("center " + center + ", scale " + scale);
    }
    if (!(limit > 0 && limit <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("limit " + limit);
    }
  }
}
