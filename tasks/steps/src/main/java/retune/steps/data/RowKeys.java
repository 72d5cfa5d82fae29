package retune.steps.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.model.ModelVersion;

/** Passes tables on and refuses, after the last one, rows without a key of their own. */
final class RowKeys implements Iterator<Table> {
  private static final int SHOWN = 5;

  private final String key;
  private final Iterator<Table> tables;
  private final Map<String, Long> firstRows = new HashMap<>();
  private final List<Long> missing = new ArrayList<>();
  private final List<String> repeated = new ArrayList<>();
  private long rows;

  /** Refuses a table without the column. */
  RowKeys(String key, List<String> columns, Iterator<Table> tables) {
    if (!columns.contains(key)) {
      throw new InvalidInputException(
          "There is no column '%s' to name the rows; the columns are %s. Correct 'key'."
              .formatted(key, columns));
    }
    this.key = key;
    this.tables = tables;
  }

  /** Refuses a key that the model reads as a feature, or that is its label. */
  static void requireNoFeature(String key, ModelVersion version) {
    boolean isLabel = version.target().column().equals(key);
    if (isLabel || version.preprocessing().rawColumns().contains(key)) {
      throw new InvalidInputException(
          "Column '%s' names the rows and is %s of '%s'; choose another column as 'key'."
              .formatted(key, isLabel ? "the label" : "a feature", version.modelId()));
    }
  }

  @Override
  public boolean hasNext() {
    boolean next = tables.hasNext();
    if (!next) {
      refuseDoubtful();
    }
    return next;
  }

  @Override
  public Table next() {
    Table table = tables.next();
    Column keys = table.column(key);
    for (int row = 0; row < table.rows(); row++) {
      rows++;
      String value = keys.text(row);
      if (value == null) {
        missing.add(rows);
        continue;
      }
      Long first = firstRows.putIfAbsent(value, rows);
      if (first != null) {
        repeated.add("'%s' in rows %d and %d".formatted(value, first, rows));
      }
    }
    return table;
  }

  private void refuseDoubtful() {
    if (!missing.isEmpty()) {
      throw new InvalidInputException(
          "Column '%s' names the rows, but is empty in %s; give each row a value, or leave 'key' out."
              .formatted(key, (missing.size() == 1 ? "row " : "rows ") + some(missing)));
    }
    if (!repeated.isEmpty()) {
      throw new InvalidInputException(
          "Column '%s' names the rows, but has %s; give each row a value of its own, or leave 'key' out."
              .formatted(key, some(repeated)));
    }
  }

  private static String some(List<?> all) {
    String shown =
        all.stream().limit(SHOWN).map(Object::toString).collect(Collectors.joining(", "));
    return all.size() > SHOWN ? "%s and %d more".formatted(shown, all.size() - SHOWN) : shown;
  }
}
