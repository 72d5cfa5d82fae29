package retune.core.data;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import retune.core.InvalidInputException;

/** Raw rows, stored by column. Columns have distinct names and equal lengths. */
public record Table(List<Column> columns) {
  public Table {
    columns = List.copyOf(columns);
    Set<String> names = new HashSet<>();
    for (Column column : columns) {
      if (!names.add(column.name())) {
        throw new InvalidInputException(
            "Column '" + column.name() + "' appears twice. Rename one of the columns.");
      }
      if (column.rows() != columns.getFirst().rows()) {
        throw new IllegalArgumentException("columns of different lengths: " + column.name());
      }
    }
  }

  /**
   * The rows of tables with the same columns, one after the other. A column that is text in one
   * table is text.
   */
  public static Table joined(List<Table> parts) {
    return new Table(
        parts.getFirst().names().stream()
            .map(name -> Column.joined(parts.stream().map(part -> part.column(name)).toList()))
            .toList());
  }

  public int rows() {
    return columns.isEmpty() ? 0 : columns.getFirst().rows();
  }

  public List<String> names() {
    return columns.stream().map(Column::name).toList();
  }

  public Optional<Column> find(String name) {
    for (Column column : columns) {
      if (column.name().equals(name)) {
        return Optional.of(column);
      }
    }
    return Optional.empty();
  }

  /** The column of that name; throws an {@link InvalidInputException} if there is none. */
  public Column column(String name) {
    return find(name)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is no column '" + name + "'; the columns are " + names() + "."));
  }

  /** The given rows, in that order. */
  public Table select(int[] rows) {
    return new Table(columns.stream().map(column -> column.select(rows)).toList());
  }

  /** The table without these columns. */
  public Table without(Set<String> names) {
    return new Table(columns.stream().filter(column -> !names.contains(column.name())).toList());
  }
}
