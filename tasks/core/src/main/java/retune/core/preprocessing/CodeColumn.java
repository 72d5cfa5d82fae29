package retune.core.preprocessing;

/**
 * A column of whole numbers that already are the codes 0 … cardinality − 1, encoded elsewhere;
 * gives one categorical feature.
 *
 * @param unknown the code for a whole number outside those, and for a missing value; {@link #NONE}
 *     where there is none: then a missing value rejects its row, and a number outside is an error,
 *     because the data was encoded in some other way and none of its codes can be trusted
 */
public record CodeColumn(String name, int cardinality, int unknown) {
  public static final int NONE = -1;

  public CodeColumn {
    if (cardinality < 1 || unknown < NONE || unknown >= cardinality) {
      throw new IllegalArgumentException(name + ": " + cardinality + " codes, unknown " + unknown);
    }
  }

  /** Whether the number is one of the codes. */
  boolean has(double value) {
    return value >= 0 && value < cardinality && value == Math.rint(value);
  }
}
