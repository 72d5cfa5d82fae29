package retune.runtime.store;

import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;

/**
 * Some rows that were predicted in production, of one model and one date, as the query log keeps
 * them in one document.
 *
 * @param id {@code MODEL/DATE/TOKEN}; in the order of the tokens, blocks of one service are in the
 *     order of time
 * @param date of the requests' arrival, UTC
 * @param rows what was answered, 1 to {@link #MOST_ROWS}
 * @param columns the values of each kept column as the caller sent them, one a row: a number, a
 *     text, or null for a missing value
 * @param hashed those of the columns that have hashes instead
 */
public record QueryBlock(
    String id,
    String model,
    LocalDate date,
    List<Row> rows,
    Map<String, List<@Nullable Object>> columns,
    Set<String> hashed) {
  /** The maximum number of rows of a block. */
  public static final int MOST_ROWS = 1_000;

  /**
   * A row that was predicted.
   *
   * @param requestId of the request that it came with
   * @param row its number within the request, from 0
   * @param receivedAt when the request arrived
   * @param modelId the version that answered
   * @param predicted the answered class
   * @param confidence probability of the answered class
   * @param probability of the positive class; null where there are more than two classes
   * @param latencyMicros from the request's arrival to the prediction
   * @param challenger null unless a challenger scored or answered the row
   */
  public record Row(
      String requestId,
      int row,
      Instant receivedAt,
      String modelId,
      String predicted,
      double confidence,
      @Nullable Double probability,
      long latencyMicros,
      @Nullable Challenger challenger) {
    /** What names the row for labels that come later. */
    public String key() {
      return key(requestId, row);
    }

    /** The key of a row of a request. */
    public static String key(String requestId, int row) {
      return requestId + "/" + row;
    }
  }

  /**
   * A challenger's prediction for a row.
   *
   * @param mode {@code shadow} or {@code canary}
   */
  public record Challenger(
      String modelId,
      String mode,
      String predicted,
      double confidence,
      @Nullable Double probability) {}

  /** A block without hashes. */
  public QueryBlock(
      String id,
      String model,
      LocalDate date,
      List<Row> rows,
      Map<String, List<@Nullable Object>> columns) {
    this(id, model, date, rows, columns, Set.of());
  }

  public QueryBlock {
    rows = List.copyOf(rows);
    hashed = Set.copyOf(hashed);
    for (List<@Nullable Object> values : columns.values()) {
      if (values.size() != rows.size()) {
        throw new IllegalArgumentException("a column has another number of rows");
      }
    }
  }

  /** Appends the values of a column, as {@link #columns} has them. */
  public static void append(Column column, List<@Nullable Object> to) {
    for (int row = 0; row < column.rows(); row++) {
      to.add(column.isMissing(row) ? null : RawRows.value(column, row));
    }
  }

  /** The kept columns. A column that has a text is text. */
  public Table table() {
    return new Table(
        columns.entrySet().stream()
            .map(entry -> column(entry.getKey(), entry.getValue()))
            .toList());
  }

  /** A column of values as {@link #columns} has them; of text if one of them is. */
  public static Column column(String name, List<@Nullable Object> values) {
    if (values.stream().noneMatch(String.class::isInstance)) {
      return new Column.Numbers(name, values.stream().mapToDouble(QueryBlock::number).toArray());
    }
    @Nullable String[] texts = new @Nullable String[values.size()];
    for (int row = 0; row < texts.length; row++) {
      Object value = values.get(row);
      texts[row] =
          value instanceof String text
              ? text
              : new Column.Numbers(name, new double[] {number(value)}).text(0);
    }
    return new Column.Texts(name, texts);
  }

  private static double number(@Nullable Object value) {
    return value instanceof Number number ? number.doubleValue() : Double.NaN;
  }
}
