package retune.steps.evaluation;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Feedback;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.QueryBlock;
import retune.steps.data.CollectQueries;
import retune.testing.TestContext;

/** Requests that a champion answered and a challenger scored, and people's labels for them. */
public final class PairedQueries {
  private final DocumentStore store;
  private final String model;
  private final String champion;
  private final String challenger;
  private final int classes;

  /** The labels of all rows so far, by key. */
  private final Map<String, String> truth = new LinkedHashMap<>();

  private int blocks;

  /** Requests of two classes. */
  public PairedQueries(DocumentStore store, String model, String champion, String challenger) {
    this(store, model, champion, challenger, 2);
  }

  PairedQueries(
      DocumentStore store, String model, String champion, String challenger, int classes) {
    this.store = store;
    this.model = model;
    this.champion = champion;
    this.challenger = challenger;
    this.classes = classes;
  }

  /**
   * Logs requests of a date, as many of each class.
   *
   * @param championRight share of the rows that the champion answers rightly, and so on
   */
  public PairedQueries day(LocalDate date, int rows, double championRight, double challengerRight) {
    return day(date, rows, championRight, challengerRight, "");
  }

  PairedQueries day(
      LocalDate date, int rows, double championRight, double challengerRight, String prefix) {
    List<QueryBlock.Row> logged = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      // 7919 is prime: rows that one answers rightly are independent of the other's.
      boolean first = row < championRight * rows;
      boolean second = (row * 7919L) % rows < challengerRight * rows;
      int label = row % classes;
      logged.add(
          row(
              date,
              prefix + date + ":" + row,
              champion,
              answer(label, first, row),
              "shadow",
              answer(label, second, row)));
      truth.putIfAbsent(prefix + date + ":" + row + "/0", Integer.toString(label));
    }
    write(date, logged);
    return this;
  }

  /** Logs requests that the challenger answered and the champion did not see. */
  void answeredByTheCanary(LocalDate date, int rows) {
    List<QueryBlock.Row> logged = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      String id = "canary:" + row;
      logged.add(row(date, id, challenger, answer(1, true, row), "canary", answer(1, true, row)));
      truth.put(id + "/0", "1");
    }
    write(date, logged);
  }

  private void write(LocalDate date, List<QueryBlock.Row> rows) {
    Map<String, List<@Nullable Object>> columns = new LinkedHashMap<>();
    for (String name : List.of("n0", "n1")) {
      List<@Nullable Object> values = new ArrayList<>();
      IntStream.range(0, rows.size()).forEach(row -> values.add(0.5 * row));
      columns.put(name, values);
    }
    String id = "%s/%s/%s-%03d".formatted(model, date, champion + challenger, blocks++);
    store.queryLogs().write(new QueryBlock(id, model, date, rows, columns));
  }

  private record Answer(String predicted, double confidence, @Nullable Double probability) {}

  private Answer answer(int label, boolean isRight, int row) {
    int predicted = isRight ? label : (label + 1) % classes;
    double sure = 0.6 + 0.3 * (row % 10) / 10;
    Double ofPositive = classes > 2 ? null : Double.valueOf(predicted == 1 ? sure : 1 - sure);
    return new Answer(Integer.toString(predicted), sure, ofPositive);
  }

  private QueryBlock.Row row(
      LocalDate date,
      String requestId,
      String answeredBy,
      Answer answer,
      String mode,
      Answer ofChallenger) {
    return new QueryBlock.Row(
        requestId,
        0,
        Instant.parse(date + "T12:00:00Z"),
        answeredBy,
        answer.predicted,
        answer.confidence,
        answer.probability,
        300,
        new QueryBlock.Challenger(
            challenger,
            mode,
            ofChallenger.predicted,
            ofChallenger.confidence,
            ofChallenger.probability));
  }

  /** People give all labels. */
  public void label(LocalDate date) {
    label(date, 1);
  }

  /** People give the labels of this share of the rows. */
  void label(LocalDate date, double share) {
    LateLabels labels = store.lateLabels();
    List<Arrival> arrivals = labels.arrivals(model);
    int number = arrivals.size() + 1;
    Map<String, String> given = new LinkedHashMap<>();
    truth.entrySet().stream()
        .limit(Math.round(share * truth.size()))
        .forEach(entry -> given.put(entry.getKey(), entry.getValue()));
    String token = "labels-" + number;
    int parts = labels.write(model, date, token, given);
    labels.publish(
        model,
        number,
        "hash-" + number,
        token,
        List.of(new LateLabels.Day(date, truth.size(), given.size(), given.size(), 0, 0, parts)),
        new Document());
  }

  /** A caller sends a label for a row, some seconds after other feedback. */
  void feedBack(String key, String label, int seconds) {
    store
        .feedback()
        .add(
            model,
            List.of(new Feedback.Label(key, label, null, TestContext.NOW.plusSeconds(seconds))));
  }

  /** Callers send the labels of all rows. */
  void feedBack() {
    store
        .feedback()
        .add(
            model,
            truth.entrySet().stream()
                .map(row -> new Feedback.Label(row.getKey(), row.getValue(), null, TestContext.NOW))
                .toList());
  }

  /** Makes the day's raw batch of the requests. */
  void collect(LocalDate date, TestContext context) {
    new CollectQueries().run(new CollectQueries.Input(model, date, "query_id", null, 0), context);
  }
}
