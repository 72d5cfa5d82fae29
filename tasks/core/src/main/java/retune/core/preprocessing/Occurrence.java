package retune.core.preprocessing;

import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;

/** An outcome in one column; ordered by name. */
public record Occurrence(Outcome outcome, String column) implements Comparable<Occurrence> {
  private static final Comparator<Occurrence> BY_NAME = Comparator.comparing(Occurrence::toString);

  /** Counts under the names that documents and results give them. */
  public static <N extends Number> Map<String, N> named(Map<Occurrence, N> counts) {
    Map<String, N> named = new TreeMap<>();
    counts.forEach((occurrence, count) -> named.put(occurrence.toString(), count));
    return named;
  }

  @Override
  public int compareTo(Occurrence other) {
    return BY_NAME.compare(this, other);
  }

  /** The name in documents and results: {@code unseen_category.EDUCATION}. */
  @Override
  public String toString() {
    return outcome.id() + "." + column;
  }
}
