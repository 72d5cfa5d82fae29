package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.runtime.Json;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.http.Endpoint;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Feedback;
import retune.serving.challenger.ServedChallenger;
import retune.serving.http.FeedbackRoute;
import retune.serving.http.PredictionServer;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.QueryLog;
import retune.testing.TestContext;
import retune.testing.TestStore;
import tools.jackson.databind.JsonNode;

/** Feedback that callers send to the running service. */
class FeedbackTest {
  private static final String MODEL = Examples.MODEL.version().modelName();
  private static final String TOKEN = "a token of enough characters".replace(' ', '-');

  private static TestStore store;
  private static ServedModel served;
  private static Server open;

  /** A prediction service on a free port, without the model's warm-up, and its client. */
  private record Server(PredictionServer server, HttpClient client) implements AutoCloseable {
    static Server start(FeedbackRoute.Senders senders) throws IOException {
      return new Server(
          PredictionServer.start(
              new Endpoint("127.0.0.1", 0, null),
              served,
              new ServingMetrics(),
              QueryLog.OFF,
              new ServedChallenger(new ServingMetrics().challenger()),
              new FeedbackRoute(senders, context(store::documents), served),
              Clock.systemUTC()),
          HttpClient.newHttpClient());
    }

    String get(String path) throws Exception {
      HttpRequest request = HttpRequest.newBuilder(URI.create(server.address() + path)).build();
      return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    HttpResponse<String> post(String path, String body, String... headers) throws Exception {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create(server.address() + path))
              .POST(BodyPublishers.ofString(body));
      if (headers.length > 0) {
        request.headers(headers);
      }
      return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    @Override
    public void close() {
      client.close();
      server.close();
    }
  }

  @BeforeAll
  static void start() throws IOException {
    store = TestStore.open();
    served = new ServedModel();
    served.replaceBy(LoadedVersion.open(Examples.MODEL));
    open = Server.start(senders(true, "127.0.0.1", null));
  }

  private static StepContext context(Supplier<DocumentStore> source) {
    return new TestContext(
        store.context().run(), Clock.systemUTC(), store.context().settings(), source);
  }

  private static FeedbackRoute.Senders senders(
      boolean queryLog, String host, @Nullable String tokenFile) {
    return FeedbackRoute.Senders.of(queryLog, host, tokenFile, Clock.systemUTC());
  }

  @AfterAll
  static void stop() {
    open.close();
    served.close();
    store.close();
  }

  @AfterEach
  void forget() {
    store.documents().feedback().removeBefore(MODEL, LocalDate.of(9999, 1, 1));
  }

  @Test
  void aLabelIsKeptForTheKeyOfItsRow() throws Exception {
    JsonNode predicted =
        Json.MAPPER.readTree(
            open.post("/predict", json(Map.of("features", Examples.row()))).body());
    String id = predicted.get("request_id").asString();
    assertAccepted(1, open.post("/feedback", json(Map.of("request_id", id, "label", "1"))));
    assertEquals(List.of(id + "/0=1"), kept());
    Feedback.Label label = store.documents().feedback().read(MODEL).getFirst();
    assertNull(label.by());
  }

  @Test
  void severalLabelsAreKeptAndACorrectionStandsBesideWhatItCorrects() throws Exception {
    List<Map<String, Object>> labels =
        List.of(
            Map.of("request_id", "a", "row", 2, "label", 1),
            Map.of("request_id", "a", "row", 3, "label", "0"));
    assertAccepted(2, open.post("/feedback", json(Map.of("feedback", labels))));
    assertAccepted(
        1, open.post("/feedback", json(Map.of("request_id", "a", "row", 2, "label", "0"))));
    assertEquals(List.of("a/2=1", "a/3=0", "a/2=0"), kept());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{|400|is not valid JSON",
        "[]|400|The body is no JSON object; send {\"request_id\": ID",
        "{\"request_id\": \"a\", \"label\": \"1\", \"class\": \"1\"}|400|unknown field [class]",
        "{\"label\": \"1\"}|422|The body has no valid request_id; send the one",
        "{\"request_id\": \"a b\", \"label\": \"1\"}|422|The body has no valid request_id",
        "{\"request_id\": \"a\", \"row\": -1, \"label\": \"1\"}|422|has the row -1; send the row's",
        "{\"request_id\": \"a\", \"row\": \"0\", \"label\": \"1\"}|422|has the row \"0\"",
        "{\"request_id\": \"a\", \"label\": \"maybe\"}|422|has the label \"maybe\", which is no"
            + " class",
        "{\"request_id\": \"a\"}|422|the classes are [0, 1]",
        "{\"feedback\": []}|400|'feedback' has 0 labels; send 1 to 1000.",
        "{\"feedback\": [{\"request_id\": \"a\", \"label\": \"1\"}, 7]}|400|Label 1 is no JSON"
            + " object"
      })
  void whatIsWrongIsSaidAndNothingIsKept(String body, int status, String sentence)
      throws Exception {
    assertSays(status, sentence, open.post("/feedback", body));
    assertEquals(List.of(), kept());
  }

  @Test
  void theOpenApiDocumentHasIt() throws Exception {
    JsonNode api = Json.MAPPER.readTree(open.get("/openapi.json"));
    assertTrue(api.at("/paths/~1feedback/post/responses/202").isObject(), api.toString());
    assertEquals(
        "[\"0\",\"1\"]", api.at("/components/schemas/Label/properties/label/enum").toString());
  }

  @Test
  void moreLabelsThanARequestHasRowsAreRefused() throws Exception {
    List<Object> labels = Collections.nCopies(1001, Map.of("request_id", "a", "label", "1"));
    assertSays(413, "send 1 to 1000.", open.post("/feedback", json(Map.of("feedback", labels))));
  }

  @Test
  void withATokenFileItTakesAToken(@TempDir Path folder) throws Exception {
    Path tokens = Files.writeString(folder.resolve("tokens"), "shop " + TOKEN + "\n");
    try (Server guarded = Server.start(senders(true, "0.0.0.0", tokens.toString()))) {
      String body = json(Map.of("request_id", "a", "label", "1"));
      assertSays(401, "This call needs a token", guarded.post("/feedback", body));
      assertAccepted(1, guarded.post("/feedback", body, "Authorization", "Bearer " + TOKEN));
    }
    assertEquals("shop", store.documents().feedback().read(MODEL).getFirst().by());
  }

  @Test
  void withoutTokensOnlyProgramsOnThisMachineSendFeedback() throws Exception {
    String body = json(Map.of("request_id", "a", "label", "1"));
    try (Server exposed = Server.start(senders(true, "0.0.0.0", null))) {
      assertSays(403, "start it with --feedback-token-file.", exposed.post("/feedback", body));
    }
    try (Server without = Server.start(senders(false, "127.0.0.1", null))) {
      assertSays(403, "start it with --query-log.", without.post("/feedback", body));
    }
    assertSays(
        403,
        "takes no feedback from web pages",
        open.post("/feedback", body, "Origin", "https://elsewhere.example"));
    assertEquals(List.of(), kept());
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> senders(false, "127.0.0.1", "tokens"));
    assertTrue(String.valueOf(refused.getMessage()).contains("'query_log'"), refused.getMessage());
  }

  @Test
  void whileTheStoreIsAwayTheCallerIsToldToSendItAgain() throws Exception {
    StepContext away =
        context(
            () -> {
              throw new NotReadyException("The store is away.");
            });
    assertSentAgain(new FeedbackRoute(senders(true, "127.0.0.1", null), away, served));
    CountDownLatch never = new CountDownLatch(1);
    StepContext hanging =
        context(
            () -> {
              try {
                never.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              throw new NotReadyException("The store hangs.");
            });
    assertSentAgain(
        new FeedbackRoute(
            senders(true, "127.0.0.1", null), hanging, served, Duration.ofMillis(50)));
    never.countDown();
  }

  private static void assertSentAgain(FeedbackRoute route) throws Exception {
    try (PredictionServer server =
            PredictionServer.start(
                new Endpoint("127.0.0.1", 0, null),
                served,
                new ServingMetrics(),
                QueryLog.OFF,
                new ServedChallenger(new ServingMetrics().challenger()),
                route,
                Clock.systemUTC());
        HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> refused =
          new Server(server, client)
              .post("/feedback", json(Map.of("request_id", "a", "label", "1")));
      assertSays(503, "send the feedback again later.", refused);
      assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));
    }
  }

  private static List<String> kept() {
    return store.documents().feedback().read(MODEL).stream()
        .map(label -> label.key() + "=" + label.label())
        .toList();
  }

  private static void assertAccepted(int labels, HttpResponse<String> response) {
    assertEquals(202, response.statusCode(), response.body());
    assertEquals(labels, Json.MAPPER.readTree(response.body()).get("accepted").intValue());
  }

  private static void assertSays(int status, String sentence, HttpResponse<String> response) {
    assertEquals(status, response.statusCode(), response.body());
    String message = Json.MAPPER.readTree(response.body()).get("message").asString();
    assertTrue(message.contains(sentence), message);
  }

  private static String json(Object content) {
    return Examples.json(content);
  }
}
