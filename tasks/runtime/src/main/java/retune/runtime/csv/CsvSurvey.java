package retune.runtime.csv;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What one reading of a whole file tells of how it is to be read.
 *
 * @param columns the names in the header's order
 * @param numbers the columns of numbers
 * @param notations by column, what is written otherwise than {@code 1234.5} and ISO 8601
 * @param rows without the header
 * @param encoding {@code UTF-8} or {@code ISO-8859-1}
 */
public record CsvSurvey(
    List<String> columns,
    Set<String> numbers,
    Map<String, Notation> notations,
    long rows,
    char delimiter,
    String encoding) {

  /** How the file is written, in a sentence. */
  public String description() {
    String others =
        notations.values().stream()
            .map(Notation::name)
            .distinct()
            .sorted()
            .map(notation -> notation + " in " + columnsWith(notation))
            .collect(Collectors.joining("; "));
    return String.format(
        Locale.ROOT,
        "%d rows of %d columns, separated by %s, in %s, decimal point and ISO dates%s.",
        rows,
        columns.size(),
        words(delimiter),
        encoding,
        others.isEmpty() ? "" : " but for " + others);
  }

  private List<String> columnsWith(String notation) {
    return columns.stream()
        .filter(
            column ->
                notations.containsKey(column) && notations.get(column).name().equals(notation))
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
