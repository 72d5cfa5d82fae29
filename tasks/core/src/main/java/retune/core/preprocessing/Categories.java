package retune.core.preprocessing;

import java.util.List;

/**
 * The categories of the training rows. Code 0 is reserved for all others; the category at position
 * i of {@code known} has code i + 1.
 *
 * @param known categories with a code of their own, as {@link retune.core.data.Column#text}
 * @param rare categories that too few training rows had to learn from; they share code 0, so that
 *     it is learnt, too
 */
public record Categories(List<String> known, List<String> rare) {
  /** The code of categories without a code of their own. */
  public static final int RESERVED_CODE = 0;

  public Categories {
    known = List.copyOf(known);
    rare = List.copyOf(rare);
  }

  /** Number of codes, the reserved one included. */
  public int cardinality() {
    return known.size() + 1;
  }
}
