package retune.testing;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.QueryBlock;

/** Writes a block of the query log, row by row. */
public final class LoggedQueries {
  private final String model;
  private final LocalDate date;
  private final Instant receivedAt;
  private final List<QueryBlock.Row> rows = new ArrayList<>();
  private final List<Map<String, ?>> values = new ArrayList<>();

  public LoggedQueries(String model, LocalDate date) {
    this.model = model;
    this.date = date;
    this.receivedAt = Instant.parse(date + "T12:00:00Z");
  }

  /** Adds the only row of a request. */
  public LoggedQueries row(
      String requestId,
      String modelId,
      String predicted,
      double confidence,
      Map<String, ?> columns) {
    return row(requestId, 0, modelId, predicted, confidence, columns);
  }

  /**
   * Adds a row of a request of several.
   *
   * @param columns the values that are not missing
   */
  public LoggedQueries row(
      String requestId,
      int number,
      String modelId,
      String predicted,
      double confidence,
      Map<String, ?> columns) {
    rows.add(
        new QueryBlock.Row(
            requestId, number, receivedAt, modelId, predicted, confidence, null, 400, null));
    values.add(columns);
    return this;
  }

  /**
   * Makes the version that answered the rows so far a challenger, to which a share of the requests
   * goes.
   */
  public LoggedQueries byChallenger() {
    rows.replaceAll(
        row ->
            new QueryBlock.Row(
                row.requestId(),
                row.row(),
                row.receivedAt(),
                row.modelId(),
                row.predicted(),
                row.confidence(),
                row.probability(),
                row.latencyMicros(),
                new QueryBlock.Challenger(
                    row.modelId(), "canary", row.predicted(), row.confidence(), null)));
    return this;
  }

  /** Writes the block as the service would that has answered. */
  public void write(DocumentStore store, String token) {
    write(store, token, Set.of());
  }

  /** Writes the block with these columns marked as hashed. */
  public void write(DocumentStore store, String token, Set<String> hashed) {
    Map<String, List<@Nullable Object>> columns = new LinkedHashMap<>();
    values.forEach(row -> row.keySet().forEach(name -> columns.put(name, new ArrayList<>())));
    columns.forEach((name, column) -> values.forEach(row -> column.add(row.get(name))));
    store
        .queryLogs()
        .write(
            new QueryBlock(model + "/" + date + "/" + token, model, date, rows, columns, hashed));
  }
}
