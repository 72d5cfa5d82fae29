package retune.testing;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.runtime.store.DocumentStore;

/** Writes blocks of the query log, row by row. */
public final class LoggedQueries {
  private final String model;
  private final LocalDate date;
  private final List<Document> rows = new ArrayList<>();

  public LoggedQueries(String model, LocalDate date) {
    this.model = model;
    this.date = date;
  }

  /** Adds the only row of a request. */
  public LoggedQueries row(
      String requestId,
      String modelId,
      @Nullable String predicted,
      double confidence,
      Map<String, ?> columns) {
    return row(requestId, 0, modelId, predicted, confidence, columns);
  }

  /** Adds a row of a request of several. */
  public LoggedQueries row(
      @Nullable String requestId,
      int number,
      String modelId,
      @Nullable String predicted,
      double confidence,
      Map<String, ?> columns) {
    rows.add(
        new Document("request_id", requestId)
            .append("row", number)
            .append("model_id", modelId)
            .append("predicted", predicted)
            .append("confidence", confidence)
            .append("columns", new Document(Map.copyOf(columns))));
    return this;
  }

  /** The block as the service that answered writes it. */
  public Document block(String id) {
    Document columns = new Document();
    for (Document row : rows) {
      row.get("columns", Document.class).keySet().forEach(name -> columns.put(name, null));
    }
    columns.replaceAll(
        (name, _) ->
            rows.stream().map(row -> row.get("columns", Document.class).get(name)).toList());
    Document block =
        new Document("_id", id)
            .append("model_name", model)
            .append("date", date.toString())
            .append("started_at", date + "T12:00:00Z")
            .append("ended_at", date + "T12:00:05Z")
            .append("rows", rows.size());
    for (String field : List.of("request_id", "row", "model_id", "predicted", "confidence")) {
      block.append(field, rows.stream().map(row -> row.get(field)).toList());
    }
    return block.append("columns", columns);
  }

  public void write(DocumentStore store, String id) {
    store.collection("query_logs").insertOne(block(id));
  }
}
