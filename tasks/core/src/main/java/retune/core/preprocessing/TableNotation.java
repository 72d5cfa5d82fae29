package retune.core.preprocessing;

import java.util.List;
import java.util.Optional;

/**
 * How the values of a model's table are written. It travels with the version, so that later files
 * are read as the first one was, however few rows they have.
 *
 * @param missing words that stand for a missing value in every column
 * @param columns the columns of numbers and dates
 */
public record TableNotation(List<String> missing, List<ColumnNotation> columns) {
  public TableNotation {
    missing = List.copyOf(missing);
    columns = List.copyOf(columns);
  }

  /**
   * How one column is written.
   *
   * @param notation {@code decimal point}, {@code decimal comma}, {@code ISO 8601}, {@code
   *     dd.MM.yyyy} …
   * @param missing words that stand for a missing value in this column, beside the usual ones
   */
  public record ColumnNotation(String column, String notation, List<String> missing) {
    public ColumnNotation {
      missing = List.copyOf(missing);
    }
  }

  /** How a column is written; empty where it holds text. */
  public Optional<ColumnNotation> column(String name) {
    return columns.stream().filter(column -> column.column().equals(name)).findFirst();
  }
}
