package retune.core.preprocessing;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.IntPredicate;

/**
 * Finds the categories of a column. A category with fewer than 10 training rows (in a table under
 * 10,000 rows, fewer than one in a thousand) shares the reserved code: its rows are too few to
 * learn an embedding, but all such categories together train the embedding of the reserved code. If
 * no category has enough rows, each has its own code.
 */
final class CategoryFitting {
  private static final int ENOUGH_ROWS = 10;
  private static final int ROWS_A_CATEGORY = 1_000;

  private CategoryFitting() {}

  static Categories fit(Collection<String> values) {
    Map<String, Integer> counts = count(values);
    int enough = enoughRows(values.size());
    List<String> known = sorted(counts, count -> count >= enough);
    return known.isEmpty()
        ? new Categories(sorted(counts, _ -> true), List.of())
        : new Categories(known, sorted(counts, count -> count < enough));
  }

  /** The most frequent value; among equally frequent ones, the first in the order of categories. */
  static String mostFrequent(Collection<String> values) {
    Map<String, Integer> counts = count(values);
    int most = counts.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
    return sorted(counts, count -> count == most).getFirst();
  }

  /** Number of rows that a category needs for its own code, given the rows that have a value. */
  static int enoughRows(int rows) {
    return Math.clamp(rows / ROWS_A_CATEGORY, 1, ENOUGH_ROWS);
  }

  static Map<String, Integer> count(Collection<String> values) {
    Map<String, Integer> counts = new HashMap<>();
    values.forEach(value -> counts.merge(value, 1, Integer::sum));
    return counts;
  }

  /** Numbers by value, then texts alphabetically: the same order on every machine. */
  private static List<String> sorted(Map<String, Integer> counts, IntPredicate keep) {
    return counts.entrySet().stream()
        .filter(entry -> keep.test(entry.getValue()))
        .map(Map.Entry::getKey)
        .sorted(
            Comparator.comparingDouble(CategoryFitting::size)
                .thenComparing(Comparator.naturalOrder()))
        .toList();
  }

  private static double size(String category) {
    OptionalDouble number = NumberText.parse(category);
    return number.orElse(Double.POSITIVE_INFINITY);
  }
}
