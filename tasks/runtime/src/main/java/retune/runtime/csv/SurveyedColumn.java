package retune.runtime.csv;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What one column of a file holds, and how it is written.
 *
 * @param numbers whether every value is a number
 * @param notation how its numbers or dates are written; null for text
 * @param missing words that stand for a missing value here, beside the usual ones
 * @param missingSeen words read as a missing value, with how often they occur
 * @param doubt what most values of a column of text are; null where there is no doubt
 */
record SurveyedColumn(
    String name,
    boolean numbers,
    @Nullable Notation notation,
    Set<String> missing,
    Map<String, Long> missingSeen,
    @Nullable Doubt doubt) {
  private static final int WORDS_SHOWN = 5;

  /**
   * Most values of a column of text are numbers or dates, yet too few to read it as such.
   *
   * @param what {@code numbers}, {@code dates dd.MM.yyyy} …
   * @param share of the values that are, 0 … 1
   * @param words some values that are not, with how often they occur
   */
  record Doubt(String what, double share, Map<String, Long> words) {}

  boolean isMissing(String field) {
    return field.isEmpty()
        || missing.contains(field)
        || (notation != null && MissingWords.contains(field));
  }

  /** The field as the rest of Retune writes it; as it is where it is written otherwise. */
  String rewritten(String field) {
    return notation == null ? field : notation.rewrite(field);
  }

  /** Whether the column is written as Retune itself writes. */
  boolean isPlain() {
    return notation == null || notation.isPlain();
  }

  /** What a person should look at, in sentences that say what to do; null where all is clear. */
  @Nullable String doubtful() {
    if (notation != null && notation.isAmbiguous()) {
      return "The dates in column '%s' are not read, because they could be %s; state the order with --dates."
          .formatted(name, notation.name());
    }
    return doubt == null
        ? null
        : String.format(
            Locale.ROOT,
            "Column '%s' is read as text, but %.1f %% of its values are %s; the others are %s. If"
                + " those stand for a missing value, name them with --missing, or declare the"
                + " column as %s in columns.yaml.",
            name,
            100 * doubt.share(),
            doubt.what(),
            counted(doubt.words()),
            doubt.what().startsWith("numbers") ? "numeric" : "date");
  }

  /** The most frequent words with their counts. */
  static String counted(Map<String, Long> words) {
    List<Map.Entry<String, Long>> ordered =
        words.entrySet().stream()
            .sorted(
                Comparator.<Map.Entry<String, Long>>comparingLong(entry -> -entry.getValue())
                    .thenComparing(Map.Entry.comparingByKey()))
            .toList();
    String shown =
        ordered.stream()
            .limit(WORDS_SHOWN)
            .map(entry -> "'%s' (%d)".formatted(entry.getKey(), entry.getValue()))
            .collect(Collectors.joining(", "));
    int more = ordered.size() - WORDS_SHOWN;
    return more > 0 ? shown + " and " + more + " more" : shown;
  }
}
