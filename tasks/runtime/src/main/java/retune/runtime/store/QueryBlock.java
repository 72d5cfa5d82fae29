package retune.runtime.store;

import static java.util.Comparator.naturalOrder;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bson.Document;
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

  /** The values of a column, as {@link #columns} has them. */
  public static List<@Nullable Object> values(Column column) {
    List<@Nullable Object> values = new ArrayList<>(column.rows());
    for (int row = 0; row < column.rows(); row++) {
      values.add(column.isMissing(row) ? null : RawRows.value(column, row));
    }
    return values;
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

  Document document() {
    Document document =
        new Document("_id", id)
            .append("model_name", model)
            .append("date", date.toString())
            .append("started_at", times().min(naturalOrder()).orElseThrow().toString())
            .append("ended_at", times().max(naturalOrder()).orElseThrow().toString())
            .append("rows", rows.size())
            .append("request_id", each(Row::requestId))
            .append("row", each(Row::row))
            .append("received_at", each(row -> row.receivedAt.toString()))
            .append("model_id", each(Row::modelId))
            .append("predicted", each(Row::predicted))
            .append("confidence", each(Row::confidence))
            .append("probability", each(Row::probability))
            .append("latency_us", each(Row::latencyMicros))
            .append("columns", new Document(new LinkedHashMap<>(columns)));
    if (!hashed.isEmpty()) {
      document.append("hashed", hashed.stream().sorted().toList());
    }
    return rows.stream().allMatch(row -> row.challenger == null)
        ? document
        : document.append(
            "challenger",
            new Document("model_id", ofChallenger(Challenger::modelId))
                .append("mode", ofChallenger(Challenger::mode))
                .append("predicted", ofChallenger(Challenger::predicted))
                .append("confidence", ofChallenger(Challenger::confidence))
                .append("probability", ofChallenger(Challenger::probability)));
  }

  private Stream<Instant> times() {
    return rows.stream().map(Row::receivedAt);
  }

  private List<@Nullable Object> each(Function<Row, @Nullable Object> value) {
    List<@Nullable Object> values = new ArrayList<>(rows.size());
    rows.forEach(row -> values.add(value.apply(row)));
    return values;
  }

  private List<@Nullable Object> ofChallenger(Function<Challenger, @Nullable Object> value) {
    return each(row -> row.challenger == null ? null : value.apply(row.challenger));
  }

  static QueryBlock of(Document document) {
    List<Row> rows =
        IntStream.range(0, document.getInteger("rows"))
            .mapToObj(row -> row(document, row))
            .toList();
    Map<String, List<@Nullable Object>> columns = new LinkedHashMap<>();
    Document kept = document.get("columns", Document.class);
    kept.keySet().forEach(name -> columns.put(name, kept.getList(name, Object.class)));
    return new QueryBlock(
        document.getString("_id"),
        document.getString("model_name"),
        LocalDate.parse(document.getString("date")),
        rows,
        columns,
        Set.copyOf(document.getList("hashed", String.class, List.of())));
  }

  private static Row row(Document of, int row) {
    Document challenger = of.get("challenger", Document.class);
    return new Row(
        text(of, "request_id", row),
        number(of, "row", row).intValue(),
        Instant.parse(text(of, "received_at", row)),
        text(of, "model_id", row),
        text(of, "predicted", row),
        number(of, "confidence", row).doubleValue(),
        (Double) value(of, "probability", row),
        number(of, "latency_us", row).longValue(),
        challenger == null || value(challenger, "model_id", row) == null
            ? null
            : new Challenger(
                text(challenger, "model_id", row),
                text(challenger, "mode", row),
                text(challenger, "predicted", row),
                number(challenger, "confidence", row).doubleValue(),
                (Double) value(challenger, "probability", row)));
  }

  private static String text(Document of, String field, int row) {
    return (String) Objects.requireNonNull(value(of, field, row), field);
  }

  private static Number number(Document of, String field, int row) {
    return (Number) Objects.requireNonNull(value(of, field, row), field);
  }

  private static @Nullable Object value(Document of, String field, int row) {
    return of.getList(field, Object.class).get(row);
  }
}
