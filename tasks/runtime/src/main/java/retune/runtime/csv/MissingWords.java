package retune.runtime.csv;

import java.util.Locale;
import java.util.Set;

/** The usual words for a missing value, which no number and no date is written as. */
final class MissingWords {
  private static final Set<String> USUAL =
      Set.of(
          "?",
          "-",
          "--",
          "---",
          "–",
          "—",
          ".",
          "..",
          "na",
          "n/a",
          "n.a.",
          "n.a",
          "n. a.",
          "#n/a",
          "#na",
          "<na>",
          "nan",
          "-nan",
          "null",
          "nil",
          "none",
          "not available",
          "missing",
          "(missing)",
          "unknown",
          "(blank)",
          "#nv",
          "k.a.",
          "k.a",
          "k. a.",
          "keine angabe",
          "unbekannt",
          "fehlt",
          "없음",
          "미상",
          "해당없음",
          "해당 없음");

  private static final int LONGEST = USUAL.stream().mapToInt(String::length).max().orElseThrow();

  private MissingWords() {}

  /** Whether the field is blank or one of the words, in upper or lower case. */
  static boolean contains(String field) {
    String word = field.strip();
    return word.isEmpty()
        || (word.length() <= LONGEST && USUAL.contains(word.toLowerCase(Locale.ROOT)));
  }
}
