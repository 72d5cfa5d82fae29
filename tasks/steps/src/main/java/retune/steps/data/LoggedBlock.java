package retune.steps.data;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;

/**
 * Consecutive rows of the query log, a document of {@code query_logs}: of each row, what was asked
 * and which version answered what.
 *
 * @param columns the values by column
 */
record LoggedBlock(
    String id,
    int rows,
    List<Object> requestIds,
    List<Object> numbers,
    List<Object> modelIds,
    List<Object> predicted,
    List<Object> confidences,
    Map<String, List<Object>> columns) {
  static final String COLLECTION = "query_logs";

  /** Empty if the document is no block: it lacks a field, or its lists have different lengths. */
  static Optional<LoggedBlock> of(Document document) {
    try {
      List<Object> requestIds = document.getList("request_id", Object.class);
      Map<String, List<Object>> columns = new HashMap<>();
      Document logged = document.get("columns", Document.class);
      logged.keySet().forEach(name -> columns.put(name, logged.getList(name, Object.class)));
      LoggedBlock block =
          new LoggedBlock(
              String.valueOf(document.get("_id")),
              requestIds.size(),
              requestIds,
              document.getList("row", Object.class),
              document.getList("model_id", Object.class),
              document.getList("predicted", Object.class),
              document.getList("confidence", Object.class),
              columns);
      return block.isWhole() ? Optional.of(block) : Optional.empty();
    } catch (ClassCastException | NullPointerException malformed) {
      return Optional.empty();
    }
  }

  private boolean isWhole() {
    return List.of(numbers, modelIds, predicted, confidences).stream()
            .allMatch(list -> list.size() == rows)
        && columns.values().stream().allMatch(list -> list.size() == rows);
  }

  /** The row's key, {@code REQUEST_ID/ROW}; empty if it has none. */
  Optional<String> key(int row) {
    return requestIds.get(row) instanceof String id
            && !id.isBlank()
            && numbers.get(row) instanceof Number number
        ? Optional.of(id + "/" + number.longValue())
        : Optional.empty();
  }

  /** Whether each of the columns has a number, a text or nothing in the row. */
  boolean isPlain(int row, Collection<String> names) {
    return names.stream().allMatch(name -> isPlain(value(name, row)));
  }

  private static boolean isPlain(@Nullable Object value) {
    return switch (value) {
      case null -> true;
      case Number number -> !Double.isInfinite(number.doubleValue());
      case String _, Boolean _ -> true;
      default -> false;
    };
  }

  @Nullable Object value(String column, int row) {
    return columns.getOrDefault(column, List.of()).get(row);
  }

  /** The value as a number; NaN if it is missing. */
  static double number(@Nullable Object value) {
    return value instanceof Number number ? number.doubleValue() : Double.NaN;
  }

  /** The value as text, as serving reads it where a column has numbers and texts. */
  static @Nullable String text(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Number number -> new Column.Numbers("", new double[] {number.doubleValue()}).text(0);
      default -> value.toString();
    };
  }
}
