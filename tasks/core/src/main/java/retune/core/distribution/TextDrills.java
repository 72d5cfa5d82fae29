package retune.core.distribution;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Injects a {@link Drill} into texts, row by row, so that a row does not depend on later ones. */
final class TextDrills {
  private static final Pattern WORD = Pattern.compile("\\p{L}[\\p{L}\\p{M}]*");
  private static final int SHORTEST_MISSPELT = 3;

  private final HeldBackTexts held;
  private final Drill drill;
  private final Map<String, String> swapped;
  private final Set<String> common;

  /** A text with its label; null is none. */
  record Row(String text, @Nullable String label) {}

  TextDrills(HeldBackTexts held, Drill drill) {
    drill.requireOf(true);
    this.held = held;
    this.drill = drill;
    swapped = drill.kind() == Drill.Kind.SWAPPED_LABELS ? swapped() : Map.of();
    common = drill.kind() == Drill.Kind.NEW_INTENTS ? commonWords() : Set.of();
  }

  Row apply(Row row, RandomGenerator random) {
    double strength = drill.strength();
    return switch (drill.kind()) {
      case TYPOS -> new Row(misspelt(row.text, random), row.label);
      case NEW_INTENTS ->
          random.nextDouble() < strength ? new Row(ofNewTopic(row.text), null) : row;
      case SWAPPED_LABELS ->
          new Row(row.text, swapped.getOrDefault(Objects.requireNonNull(row.label), row.label));
      case LABEL_NOISE -> {
        boolean isDrawn = random.nextDouble() < strength;
        String label = held.labels().get(random.nextInt(held.rows()));
        yield new Row(row.text, isDrawn ? label : row.label);
      }
      case NONE, COVARIATE_DRIFT, CONCEPT_DRIFT, MISSING_BURST -> row;
    };
  }

  private String misspelt(String text, RandomGenerator random) {
    return WORD.matcher(text)
        .replaceAll(
            word -> {
              int[] letters = word.group().codePoints().toArray();
              if (letters.length >= SHORTEST_MISSPELT && random.nextDouble() < drill.strength()) {
                int at = random.nextInt(letters.length - 1);
                int moved = letters[at];
                letters[at] = letters[at + 1];
                letters[at + 1] = moved;
              }
              return new String(letters, 0, letters.length);
            });
  }

  /** Equal words stay equal, so that a topic has words of its own. */
  private String ofNewTopic(String text) {
    return WORD.matcher(text)
        .replaceAll(word -> common.contains(word.group()) ? word.group() : afterEach(word.group()));
  }

  /** Each letter becomes the one after it in Unicode, where that is a letter. */
  private static String afterEach(String word) {
    return word.codePoints()
        .map(letter -> Character.isLetter(letter + 1) ? letter + 1 : letter)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  /** Words that texts of more than half of the classes have: those of any topic. */
  private Set<String> commonWords() {
    Map<String, Set<String>> classes = new HashMap<>();
    for (int row = 0; row < held.rows(); row++) {
      String label = held.labels().get(row);
      WORD.matcher(held.texts().get(row))
          .results()
          .map(MatchResult::group)
          .forEach(word -> classes.computeIfAbsent(word, _ -> new HashSet<>()).add(label));
    }
    double most = 0.5 * new HashSet<>(held.labels()).size();
    return classes.entrySet().stream()
        .filter(word -> word.getValue().size() > most)
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  /** Of the most frequent classes, each with the next one. */
  private Map<String, String> swapped() {
    Map<String, Long> counts =
        held.labels().stream().collect(Collectors.groupingBy(one -> one, Collectors.counting()));
    List<String> classes = new ArrayList<>(counts.keySet());
    classes.sort(
        Comparator.<String>comparingLong(counts::get).reversed().thenComparing(one -> one));
    long pairs = Math.round(drill.strength() * classes.size() / 2);
    if (drill.strength() > 0) {
      pairs = Math.max(1, pairs);
    }
    Map<String, String> swapped = new HashMap<>();
    for (int pair = 0; pair < Math.min(pairs, classes.size() / 2); pair++) {
      String one = classes.get(2 * pair);
      String other = classes.get(2 * pair + 1);
      swapped.put(one, other);
      swapped.put(other, one);
    }
    return swapped;
  }
}
