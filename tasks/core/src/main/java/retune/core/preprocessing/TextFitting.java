package retune.core.preprocessing;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import retune.core.InvalidInputException;

/**
 * Chooses the vocabulary of a column of texts: the terms of most training texts, of as many the
 * alphabetically first. A term of one text only says nothing about others and is left out.
 */
final class TextFitting {
  private static final int LEAST_TEXTS = 2;

  /** Candidates in memory; when there are more, those seen in one text so far are forgotten. */
  private static final int MOST_CANDIDATES = 2_000_000;

  private static final int SHORTEST = 16;

  private TextFitting() {}

  /** The column, fitted to training texts. */
  static TextColumn fit(String name, List<String> texts) {
    Map<String, Integer> counts = new HashMap<>();
    for (String text : texts) {
      Set<String> terms = new HashSet<>();
      TextColumn.forEachTerm(Words.of(text), terms::add);
      terms.forEach(term -> counts.merge(term, 1, Integer::sum));
      if (counts.size() > MOST_CANDIDATES) {
        counts.values().removeIf(count -> count < LEAST_TEXTS);
      }
    }
    List<String> terms =
        counts.entrySet().stream()
            .filter(entry -> entry.getValue() >= LEAST_TEXTS)
            .sorted(
                Comparator.comparing(Map.Entry<String, Integer>::getValue)
                    .reversed()
                    .thenComparing(Map.Entry::getKey))
            .limit(TextColumn.MOST_TERMS)
            .map(Map.Entry::getKey)
            .toList();
    if (terms.isEmpty()) {
      throw new InvalidInputException(
          "No word of column '%s' is in two training texts, so that there is nothing to learn from; bring more rows, or another column."
              .formatted(name));
    }
    TextColumn longest = new TextColumn(name, terms, TextColumn.MOST_LENGTH);
    int most = texts.stream().mapToInt(text -> longest.code(text).codes().length).max().orElse(0);
    return new TextColumn(name, terms, Math.clamp(most, SHORTEST, TextColumn.MOST_LENGTH));
  }
}
