package retune.runtime;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** Converts names between Java's spelling and JSON's, and finds misspelt ones. */
final class Names {
  private static final Pattern WORD_START = Pattern.compile("(?<=[a-z0-9])(?=[A-Z])");

  private Names() {}

  /**
   * {@code CheckModelPerformance} or {@code modelId} to {@code check_model_performance}, {@code
   * model_id}.
   */
  static String snakeCase(String camelCase) {
    return WORD_START.matcher(camelCase).replaceAll("_").toLowerCase(Locale.ROOT);
  }

  /** The closest name; empty if none is close. */
  static Optional<String> nearest(String typed, Collection<String> names) {
    return names.stream()
        .min(Comparator.comparingInt(name -> distance(typed, name)))
        .filter(name -> distance(typed, name) <= tolerance(name));
  }

  /** The largest distance that counts as a typing error; two swapped letters have distance 2. */
  private static int tolerance(String name) {
    return name.length() < 4 ? 1 : Math.max(2, name.length() / 3);
  }

  /** " Did you mean 'x'?" or nothing. */
  static String didYouMean(String typed, Collection<String> names) {
    return nearest(typed, names).map(name -> " Did you mean '" + name + "'?").orElse("");
  }

  /** Levenshtein's distance: insertions, deletions and replacements of single characters. */
  private static int distance(String from, String to) {
    int[] costs = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      costs[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = costs[0];
      costs[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = costs[j];
        costs[j] = Math.min(replaced, 1 + Math.min(costs[j], costs[j - 1]));
      }
    }
    return costs[to.length()];
  }
}
