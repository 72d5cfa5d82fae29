package retune.runtime.store;

import static java.util.Comparator.naturalOrder;

import java.time.Instant;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.bson.BsonBinaryWriter;
import org.bson.Document;
import org.bson.RawBsonDocument;
import org.bson.io.BasicOutputBuffer;
import org.jspecify.annotations.Nullable;
import retune.runtime.store.QueryBlock.Challenger;
import retune.runtime.store.QueryBlock.Row;

/** The document of a block of the query log, which has arrays with one entry a row. */
final class QueryBlockDocument {
  /** About what a row of twenty columns takes. */
  private static final int ROW_BYTES = 512;

  private QueryBlockDocument() {}

  /**
   * The document of a block, value by value: services write a row for each prediction, and of a
   * {@link Document} the driver looks up for each value how to write it.
   */
  static RawBsonDocument of(QueryBlock block) {
    List<Row> rows = block.rows();
    List<Instant> times = rows.stream().map(Row::receivedAt).sorted(naturalOrder()).toList();
    BasicOutputBuffer bytes = new BasicOutputBuffer(ROW_BYTES * rows.size());
    try (BsonBinaryWriter to = new BsonBinaryWriter(bytes)) {
      to.writeStartDocument();
      to.writeString("_id", block.id());
      to.writeString("model_name", block.model());
      to.writeString("date", block.date().toString());
      to.writeString("started_at", times.getFirst().toString());
      to.writeString("ended_at", times.getLast().toString());
      to.writeInt32("rows", rows.size());
      array(to, "request_id", rows, Row::requestId);
      array(to, "row", rows, Row::row);
      array(to, "received_at", rows, row -> row.receivedAt().toString());
      array(to, "model_id", rows, Row::modelId);
      array(to, "predicted", rows, Row::predicted);
      array(to, "confidence", rows, Row::confidence);
      array(to, "probability", rows, Row::probability);
      array(to, "latency_us", rows, Row::latencyMicros);
      to.writeStartDocument("columns");
      block.columns().forEach((name, values) -> array(to, name, values, value -> value));
      to.writeEndDocument();
      if (!block.hashed().isEmpty()) {
        array(to, "hashed", block.hashed().stream().sorted().toList(), name -> name);
      }
      if (rows.stream().anyMatch(row -> row.challenger() != null)) {
        to.writeStartDocument("challenger");
        ofChallengers(to, "model_id", rows, Challenger::modelId);
        ofChallengers(to, "mode", rows, Challenger::mode);
        ofChallengers(to, "predicted", rows, Challenger::predicted);
        ofChallengers(to, "confidence", rows, Challenger::confidence);
        ofChallengers(to, "probability", rows, Challenger::probability);
        to.writeEndDocument();
      }
      to.writeEndDocument();
    }
    return new RawBsonDocument(bytes.getInternalBuffer(), 0, bytes.getSize());
  }

  private static void ofChallengers(
      BsonBinaryWriter to,
      String name,
      List<Row> rows,
      Function<Challenger, @Nullable Object> value) {
    array(
        to,
        name,
        rows,
        row -> {
          Challenger challenger = row.challenger();
          return challenger == null ? null : value.apply(challenger);
        });
  }

  private static <T extends @Nullable Object> void array(
      BsonBinaryWriter to, String name, List<T> entries, Function<T, @Nullable Object> value) {
    to.writeStartArray(name);
    for (T entry : entries) {
      switch (value.apply(entry)) {
        case null -> to.writeNull();
        case String text -> to.writeString(text);
        case Integer number -> to.writeInt32(number);
        case Long number -> to.writeInt64(number);
        case Double number -> to.writeDouble(number);
        case Object other -> throw new IllegalArgumentException(name + ": " + other.getClass());
      }
    }
    to.writeEndArray();
  }

  static QueryBlock block(Document document) {
    List<Row> rows = rows(document);
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

  /** The rows, for which the document needs no columns. */
  static List<Row> rows(Document document) {
    return IntStream.range(0, document.getInteger("rows"))
        .mapToObj(row -> row(document, row))
        .toList();
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
