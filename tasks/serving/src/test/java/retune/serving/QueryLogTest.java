package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.store.QueryBlock;
import retune.runtime.store.QueryLogs;
import retune.testing.TestStore;
import tools.jackson.databind.JsonNode;

/** The query log of the running service. */
@Tag("slow")
class QueryLogTest {
  private static final ModelVersion VERSION = Examples.MODEL.version();

  private static TestStore store;

  private final Instant start = Instant.now();

  @BeforeAll
  static void openStore() {
    store = TestStore.open();
  }

  @AfterAll
  static void closeStore() {
    store.close();
  }

  @AfterEach
  void forget() {
    store.documents().queryLogs().removeBefore(VERSION.modelName(), LocalDate.of(9999, 1, 1));
  }

  @Test
  void eachRowIsKeptAsItWasSentWithItsAnswer() throws Exception {
    Map<String, Object> second = Examples.row("AGE", 41.5);
    second.put("EDUCATION", "007");
    second.put("not_a_column", 3);
    JsonNode one;
    JsonNode many;
    JsonNode tensors;
    try (RunningService service = RunningService.logging(store.uri()).awaitReady()) {
      HttpResponse<String> answer =
          service.send(
              service
                  .request("/predict")
                  .header("X-Request-Id", "order-17:a")
                  .POST(BodyPublishers.ofString(features(Examples.row()))));
      assertEquals("order-17:a", answer.headers().firstValue("X-Request-Id").orElse(""));
      one = Json.MAPPER.readTree(answer.body());
      many = service.answer("/batch_predict", Map.of("instances", List.of(Examples.row(), second)));
      tensors =
          service.answer(
              "/v2/models/" + VERSION.modelName() + "/infer",
              Map.of("id", "mine", "inputs", Examples.tensors()));
      assertEquals(422, service.post("/predict", features(Map.of())).statusCode());
    }
    assertEquals("order-17:a", one.get("request_id").asString());
    assertEquals("mine", tensors.get("id").asString(), "the protocol's id stays the client's");

    Map<String, Logged> logged = logged();
    String batch = many.get("request_id").asString();
    String inferred = tensors.get("parameters").get("request_id").asString();
    assertEquals(
        Set.of("order-17:a/0", batch + "/0", batch + "/1", inferred + "/0"),
        logged.keySet(),
        "a refused request is not an answer");

    QueryBlock.Row row = get(logged, "order-17:a/0").row;
    assertEquals(VERSION.modelId(), row.modelId());
    assertEquals(one.get("prediction_class").asString(), row.predicted());
    assertEquals(one.get("prediction").doubleValue(), row.probability());
    assertEquals(one.get("probabilities").get(row.predicted()).doubleValue(), row.confidence());
    assertTrue(row.latencyMicros() > 0 && row.latencyMicros() < 60e6, row.toString());
    assertFalse(row.receivedAt().plusMillis(1).isBefore(start), row.toString());
    assertNull(row.challenger());

    Logged sent = get(logged, batch + "/1");
    assertEquals(Set.copyOf(VERSION.preprocessing().rawColumns()), sent.values.keySet());
    assertEquals(41.5, sent.values.get("AGE"));
    assertEquals("007", sent.values.get("EDUCATION"), "a text stays one");
    assertEquals(
        get(logged, inferred + "/0").row.predicted(),
        tensors.get("outputs").get(0).get("data").get(0).asString());
  }

  @Test
  void optionsWithoutALogAreRefused() throws Exception {
    try (RunningService service =
        RunningService.of(
            new Serving.Input(
                null,
                null,
                "none",
                false,
                "127.0.0.1",
                0,
                2,
                0,
                false,
                null,
                List.of("AGE"),
                90,
                null,
                null,
                null,
                null))) {
      InvalidInputException refused = assertThrows(InvalidInputException.class, service::output);
      assertTrue(
          String.valueOf(refused.getMessage()).contains("turn it on with 'query_log'"),
          refused.getMessage());
    }
  }

  /** A row of the log with its values. */
  private record Logged(QueryBlock.Row row, Map<String, @Nullable Object> values) {}

  private static Logged get(Map<String, Logged> logged, String key) {
    Logged row = logged.get(key);
    if (row == null) {
      throw new AssertionError(key);
    }
    return row;
  }

  /** What was logged since the test began, by key, in the order of the log. */
  private Map<String, Logged> logged() {
    Map<String, Logged> logged = new LinkedHashMap<>();
    LocalDate first = LocalDate.ofInstant(start, ZoneOffset.UTC);
    LocalDate last = LocalDate.now(ZoneOffset.UTC);
    List<QueryBlock> blocks = new ArrayList<>();
    for (LocalDate date = first; !date.isAfter(last); date = date.plusDays(1)) {
      QueryLogs log = store.documents().queryLogs();
      log.ids(VERSION.modelName(), date).forEach(id -> blocks.add(log.find(id).orElseThrow()));
    }
    for (QueryBlock block : blocks) {
      for (int row = 0; row < block.rows().size(); row++) {
        Map<String, @Nullable Object> values = new HashMap<>();
        for (Map.Entry<String, List<@Nullable Object>> column : block.columns().entrySet()) {
          values.put(column.getKey(), column.getValue().get(row));
        }
        logged.put(block.rows().get(row).key(), new Logged(block.rows().get(row), values));
      }
    }
    return logged;
  }

  private static String features(Map<String, Object> row) {
    return Examples.json(Map.of("features", row));
  }
}
