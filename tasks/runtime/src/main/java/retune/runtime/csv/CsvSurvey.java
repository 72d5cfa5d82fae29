package retune.runtime.csv;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.preprocessing.TableNotation;
import retune.core.preprocessing.TableNotation.ColumnNotation;

/** What one reading of a whole file shows of how it is written. */
public final class CsvSurvey {
  private final List<SurveyedColumn> surveyed;
  private final long rows;
  private final char delimiter;
  private final String encoding;
  private final List<String> missing;

  CsvSurvey(
      List<SurveyedColumn> surveyed,
      long rows,
      char delimiter,
      String encoding,
      List<String> missing) {
    this.surveyed = List.copyOf(surveyed);
    this.rows = rows;
    this.delimiter = delimiter;
    this.encoding = encoding;
    this.missing = missing;
  }

  /** The columns' names, in the header's order. */
  public List<String> columns() {
    return surveyed.stream().map(SurveyedColumn::name).toList();
  }

  /** The same, but every field of that column is text as it is written, such as an identifier. */
  public CsvSurvey withText(String column) {
    return new CsvSurvey(
        surveyed.stream()
            .map(
                found ->
                    found.name().equals(column)
                        ? new SurveyedColumn(column, false, null, Set.of(), Map.of(), null)
                        : found)
            .toList(),
        rows,
        delimiter,
        encoding,
        missing);
  }

  /** Rows, without the header. */
  public long rows() {
    return rows;
  }

  List<SurveyedColumn> surveyed() {
    return surveyed;
  }

  /** How the file is written, in sentences. */
  public String description() {
    List<String> sentences = new ArrayList<>();
    sentences.add(
        String.format(
            Locale.ROOT,
            "%d rows of %d columns, separated by %s, in %s.",
            rows,
            surveyed.size(),
            words(delimiter),
            encoding));
    notations().forEach(notation -> sentences.add(sentence(notation)));
    String absent =
        surveyed.stream()
            .filter(column -> !column.missingSeen().isEmpty())
            .map(
                column ->
                    SurveyedColumn.counted(column.missingSeen()) + " in '" + column.name() + "'")
            .collect(Collectors.joining("; "));
    if (!absent.isEmpty()) {
      sentences.add("Read as missing: " + absent + ".");
    }
    return String.join(" ", sentences);
  }

  /** By column, what a person should look at: columns that are nearly numbers or dates. */
  public Map<String, String> doubts() {
    Map<String, String> doubts = new LinkedHashMap<>();
    for (SurveyedColumn column : surveyed) {
      String doubtful = column.doubtful();
      if (doubtful != null) {
        doubts.put(column.name(), doubtful);
      }
    }
    return doubts;
  }

  /** How the table is written, to read later files alike; null where Retune itself writes so. */
  public @Nullable TableNotation notation() {
    if (missing.isEmpty()
        && surveyed.stream().allMatch(column -> column.isPlain() && column.missing().isEmpty())) {
      return null;
    }
    List<ColumnNotation> columns = new ArrayList<>();
    for (SurveyedColumn column : surveyed) {
      Notation notation = column.notation();
      if (notation != null && !notation.isAmbiguous()) {
        List<String> own =
            column.missing().stream().filter(word -> !missing.contains(word)).sorted().toList();
        columns.add(new ColumnNotation(column.name(), notation.name(), own));
      }
    }
    return new TableNotation(missing, columns);
  }

  private Stream<Notation> notations() {
    return surveyed.stream()
        .filter(column -> !column.isPlain())
        .map(SurveyedColumn::notation)
        .filter(Objects::nonNull)
        .distinct();
  }

  private String sentence(Notation notation) {
    String columns =
        surveyed.stream()
            .filter(column -> notation.equals(column.notation()))
            .map(column -> "'" + column.name() + "'")
            .collect(Collectors.joining(", "));
    return (notation.isNumeric() ? "Numbers" : "Dates")
        + " in "
        + columns
        + ": "
        + notation.name()
        + (notation.isAmbiguous() ? " (ambiguous, not read)." : ".");
  }

  private static String words(char delimiter) {
    return switch (delimiter) {
      case ',' -> "commas";
      case ';' -> "semicolons";
      case '\t' -> "tabs";
      default -> "'" + delimiter + "'";
    };
  }
}
