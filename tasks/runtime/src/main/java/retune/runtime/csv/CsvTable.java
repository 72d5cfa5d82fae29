package retune.runtime.csv;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import retune.core.data.Table;

/**
 * A table and how its file is written.
 *
 * @param encoding {@code UTF-8} or {@code ISO-8859-1}
 * @param notations by column, what is written otherwise than {@code 1234.5} and ISO 8601
 */
public record CsvTable(
    Table table, char delimiter, String encoding, Map<String, String> notations) {

  /** How the file is written, in a sentence. */
  public String description() {
    String others =
        notations.values().stream()
            .distinct()
            .sorted()
            .map(notation -> notation + " in " + columns(notation))
            .collect(Collectors.joining("; "));
    return String.format(
        Locale.ROOT,
        "%d rows of %d columns, separated by %s, in %s, decimal point and ISO dates%s.",
        table.rows(),
        table.columns().size(),
        words(delimiter),
        encoding,
        others.isEmpty() ? "" : " but for " + others);
  }

  private List<String> columns(String notation) {
    return notations.entrySet().stream()
        .filter(entry -> entry.getValue().equals(notation))
        .map(Map.Entry::getKey)
        .toList();
  }

  private static String words(char delimiter) {
    return switch (delimiter) {
      case ',' -> "comma";
      case ';' -> "semicolon";
      case '\t' -> "tab";
      default -> "'" + delimiter + "'";
    };
  }
}
