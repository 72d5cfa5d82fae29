package retune.serving;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.model.engine.PlainEngine;
import retune.runtime.Json;
import retune.testing.OpenConnections;
import tools.jackson.databind.JsonNode;

class PredictionsTest {
  private static final List<Map<String, Object>> ROWS =
      List.of(
          Examples.row(),
          Examples.row("LIMIT_BAL", 20_000),
          Examples.row("PAY_0", 2),
          Examples.row("AGE", "61"),
          Collections.unmodifiableMap(Examples.row("SEX", "unseen")));

  private static final BigInteger THOUSAND_DIGITS = BigInteger.TEN.pow(1_000);
  private static final String AT_MOST = "The request body exceeds a limit: a number has at most";

  private static RunningService service;

  @BeforeAll
  static void start() throws Exception {
    service = RunningService.ofFolder().awaitReady();
  }

  @AfterAll
  static void stop() {
    service.close();
  }

  /**
   * Where connections wait to be accepted, 10,000 take minutes; they take a second or two. An idle
   * one costs about a kilobyte.
   */
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void aPredictionIsAnsweredBesideTenThousandIdleConnections() throws Exception {
    String body = Examples.json(Map.of("features", Examples.row()));
    assertEquals(200, service.post("/predict", body).statusCode());
    int threads = ManagementFactory.getThreadMXBean().getThreadCount();
    long bytes = usedHeap();
    try (OpenConnections _ = OpenConnections.open(service.port(), 10_000, "")) {
      assertEquals(200, service.post("/predict", body).statusCode());
      int more = ManagementFactory.getThreadMXBean().getThreadCount() - threads;
      assertTrue(more < 50, "no thread for each: " + more);
      long taken = usedHeap() - bytes;
      assertTrue(taken < 64 << 20, "bytes of memory: " + taken);
    }
    assertEquals(200, service.post("/predict", body).statusCode());
  }

  private static long usedHeap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  @Test
  void predictionsEqualThoseOfThePlainEngine() throws Exception {
    double[][] expected = probabilities();

    JsonNode answer = service.answer("/batch_predict", Map.of("instances", ROWS));

    assertEquals(ROWS.size(), answer.get("total_count").intValue());
    for (int row = 0; row < ROWS.size(); row++) {
      JsonNode prediction = answer.get("predictions").get(row);
      assertEquals(expected[row][0], prediction.get("probabilities").get("0").doubleValue(), 1e-5);
      assertEquals(expected[row][1], prediction.get("prediction").doubleValue(), 1e-5);
      boolean isPositive = expected[row][1] >= Examples.MODEL.version().decisionThreshold();
      assertEquals(isPositive ? "1" : "0", prediction.get("prediction_class").stringValue());
    }
    assertTrue(
        answer.get("predictions").get(2).get("prediction").doubleValue()
            > answer.get("predictions").get(0).get("prediction").doubleValue(),
        "who pays two months late is the greater risk");
  }

  @Test
  void aRowGetsTheSamePredictionAloneAndInABatch() throws Exception {
    JsonNode together = service.answer("/batch_predict", Map.of("instances", ROWS));
    for (int row = 0; row < ROWS.size(); row++) {
      JsonNode alone = service.answer("/predict", Map.of("features", ROWS.get(row)));
      JsonNode among = together.get("predictions").get(row);
      assertEquals(among.get("probabilities"), alone.get("probabilities"));
      assertEquals(among.get("prediction_class"), alone.get("prediction_class"));
      assertEquals(
          Examples.MODEL.version().modelVersion(), alone.get("model_version").stringValue());
      assertTrue(alone.get("latency_ms").doubleValue() > 0);
      assertTrue(alone.get("timestamp").stringValue().endsWith("Z"));
    }
  }

  @Test
  void theInferenceProtocolGivesTheSamePredictions() throws Exception {
    JsonNode rows = service.answer("/batch_predict", Map.of("instances", ROWS));

    JsonNode tensors = service.answer("/v2/models/credit-default/infer", tensors(ROWS));

    assertEquals("credit-default", tensors.get("model_name").stringValue());
    assertEquals("7", tensors.get("id").stringValue());
    JsonNode predicted = tensors.get("outputs").get(0);
    JsonNode probabilities = tensors.get("outputs").get(1);
    assertEquals("[5]", predicted.get("shape").toString());
    assertEquals("[5,2]", probabilities.get("shape").toString());
    for (int row = 0; row < ROWS.size(); row++) {
      JsonNode prediction = rows.get("predictions").get(row);
      assertEquals(prediction.get("prediction_class"), predicted.get("data").get(row));
      assertEquals(
          prediction.get("probabilities").get("1"), probabilities.get("data").get(2 * row + 1));
    }
  }

  @Test
  void tensorsAfterTheJsonGiveTheSamePredictions() throws Exception {
    JsonNode expected = service.answer("/v2/models/credit-default/infer", tensors(ROWS));
    Map<String, Object> request = new LinkedHashMap<>();
    List<Object> inputs = new ArrayList<>();
    ByteArrayOutputStream tensors = new ByteArrayOutputStream();
    for (String name : ROWS.getFirst().keySet()) {
      int before = tensors.size();
      for (Map<String, Object> row : ROWS) {
        byte[] value = String.valueOf(row.get(name)).getBytes(UTF_8);
        tensors.writeBytes(littleEndian(4).putInt(value.length).array());
        tensors.writeBytes(value);
      }
      Object size = Map.of("binary_data_size", tensors.size() - before);
      inputs.add(
          Map.of("name", name, "datatype", "BYTES", "shape", List.of(5), "parameters", size));
    }
    request.put("inputs", inputs);
    request.put("parameters", Map.of("binary_data_output", true));
    request.put(
        "outputs",
        List.of(
            Map.of("name", "probabilities"),
            Map.of("name", "predicted", "parameters", Map.of("binary_data", false))));
    byte[] json = Examples.json(request).getBytes(UTF_8);

    HttpResponse<byte[]> response =
        service.sendBytes(
            service
                .request("/v2/models/credit-default/infer")
                .header("Inference-Header-Content-Length", Integer.toString(json.length))
                .POST(BodyPublishers.ofByteArrays(List.of(json, tensors.toByteArray()))));

    assertEquals(200, response.statusCode(), new String(response.body(), UTF_8));
    assertEquals(
        "application/octet-stream", response.headers().firstValue("Content-Type").orElse(""));
    int length =
        response
            .headers()
            .firstValue("Inference-Header-Content-Length")
            .map(Integer::parseInt)
            .orElseThrow();
    JsonNode answer = Json.MAPPER.readTree(response.body(), 0, length);
    assertEquals(
        expected.get("outputs").get(0), answer.get("outputs").get(0), "asked for in the JSON");
    assertEquals(2, answer.get("outputs").size());
    assertEquals(
        "{\"binary_data_size\":80}", answer.get("outputs").get(1).get("parameters").toString());
    ByteBuffer probabilities =
        ByteBuffer.wrap(response.body(), length, 80).order(ByteOrder.LITTLE_ENDIAN);
    for (JsonNode probability : expected.get("outputs").get(1).get("data")) {
      assertEquals(probability.doubleValue(), probabilities.getDouble());
    }
    assertEquals(length + 80, response.body().length);
  }

  private static ByteBuffer littleEndian(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void whatARuleReplacedIsStatedWithTheRow() throws Exception {
    Map<String, Object> row = Examples.row("EDUCATION", "unseen");
    row.put("AGE", null);
    row.put("LIMIT_BAL", 1e9);
    String expected =
        """
        [{"kind":"unseen_category","column":"EDUCATION","message":"The training rows did not have the value in 'EDUCATION'; the model reads it as 'other'."},\
        {"kind":"imputed","column":"AGE","message":"'AGE' has no value; the model reads the one that training chose for this case."},\
        {"kind":"far_outside","column":"LIMIT_BAL","message":"The value in 'LIMIT_BAL' is more than 50 interquartile ranges away from the median of the training rows."}]\
        """;

    JsonNode alone = service.answer("/predict", Map.of("features", row));
    JsonNode together =
        service.answer("/batch_predict", Map.of("instances", List.of(Examples.row(), row)));
    JsonNode tensors =
        service.answer("/v2/models/credit-default/infer", tensors(List.of(Examples.row(), row)));

    assertEquals(expected, alone.get("warnings").toString());
    assertEquals("[]", together.get("predictions").get(0).get("warnings").toString());
    assertEquals(expected, together.get("predictions").get(1).get("warnings").toString());
    JsonNode output = tensors.get("outputs").get(2);
    assertEquals("warnings", output.get("name").stringValue());
    assertEquals("[]", output.get("data").get(0).stringValue());
    assertEquals(expected, output.get("data").get(1).stringValue());
  }

  @Test
  void howTheClassWasDecidedIsStated() throws Exception {
    double threshold = Examples.MODEL.version().decisionThreshold();
    JsonNode alone = service.answer("/predict", Map.of("features", Examples.row()));
    JsonNode together = service.answer("/batch_predict", Map.of("instances", ROWS));
    JsonNode tensors =
        service.answer("/v2/models/credit-default/infer", tensors(ROWS)).get("parameters");
    for (JsonNode answer : List.of(alone, together, tensors)) {
      assertEquals(threshold, answer.get("threshold").doubleValue());
      assertFalse(answer.get("calibrated").booleanValue());
      assertEquals(Examples.MODEL.version().modelId(), answer.get("model_id").stringValue());
    }
  }

  @Test
  void onlyRequestedOutputsAreReturned() throws Exception {
    Map<String, Object> request = tensors(ROWS);
    request.put("outputs", List.of(Map.of("name", "predicted")));
    JsonNode answer =
        service.answer("/v2/models/credit-default/versions/20261121_042000/infer", request);
    assertEquals(1, answer.get("outputs").size());
    assertEquals("predicted", answer.get("outputs").get(0).get("name").stringValue());
  }

  @Test
  void anIdThatIsNotUnicodeIsReturned() throws Exception {
    String request = Examples.json(tensors(ROWS)).replace("\"7\"", "\"\\ud800\"");
    HttpResponse<String> response = service.post("/v2/models/credit-default/infer", request);
    assertEquals(200, response.statusCode(), response.body());
    assertEquals("?", Json.MAPPER.readTree(response.body()).get("id").stringValue());
  }

  @Test
  void theProtocolDescribesTheModel() throws Exception {
    JsonNode metadata = Json.MAPPER.readTree(service.get("/v2/models/credit-default").body());
    assertEquals(23, metadata.get("inputs").size());
    assertEquals("[\"20261121_042000\"]", metadata.get("versions").toString());
    assertEquals(200, service.status("/v2"));
    assertEquals(200, service.status("/v2/health/live"));
    assertEquals(200, service.status("/v2/models/credit-default/ready"));
    assertEquals(404, service.status("/v2/models/credit-default/versions/1/ready"));
  }

  @Test
  void theExampleIsValidAndDescribedEndpointsExist() throws Exception {
    HttpResponse<String> example = service.get("/example");
    assertEquals(200, service.post("/predict", example.body()).statusCode());
    JsonNode api = Json.MAPPER.readTree(service.get("/openapi.json").body());
    assertEquals(
        Json.MAPPER.readTree(example.body()).get("features"),
        api.at("/components/schemas/Features/example"));
    for (String path : api.get("paths").propertyNames()) {
      assertTrue(Set.of(200, 405).contains(service.status(path)), path);
    }
  }

  @Test
  void valuesThatARuleHandledAreCounted() throws Exception {
    service.answer("/predict", Map.of("features", Examples.row("EDUCATION", "unseen")));
    String metrics = service.get("/metrics").body();
    assertTrue(
        metrics.contains(
            "retune_serving_value_outcomes_total{column=\"EDUCATION\",outcome=\"unseen_category\"}"
                + " 1.0"),
        metrics);
  }

  @Test
  void theReferenceListsTheMetrics() throws Exception {
    String reference = Files.readString(Path.of("../../docs/reference/serving.md"));
    Set<String> named =
        Pattern.compile("`(retune_serving_\\w+)`")
            .matcher(reference)
            .results()
            .map(name -> name.group(1))
            .collect(Collectors.toSet());
    Set<String> counted =
        service
            .get("/metrics")
            .body()
            .lines()
            .filter(line -> line.startsWith("# TYPE retune_serving_"))
            .map(line -> line.replaceAll("# TYPE (\\w+) .*", "$1"))
            .collect(Collectors.toSet());
    assertEquals(counted, named);
  }

  /** The chart's alerts and dashboard use only the metrics of that file. */
  @Test
  void theMetricsOfTheChartExist() throws Exception {
    service.answer("/predict", Map.of("features", Examples.row("MARRIAGE", "unseen")));
    List<String> samples = service.get("/metrics").body().lines().toList();
    for (String line : Files.readAllLines(Path.of("../../charts/tests/metrics.txt"))) {
      List<String> words = List.of(line.split(" ", -1));
      Set<String> labels = new TreeSet<>(words.subList(1, words.size()));
      assertTrue(
          samples.stream()
              .filter(
                  sample -> sample.startsWith(words.getFirst() + (labels.isEmpty() ? " " : "{")))
              .anyMatch(sample -> labels.equals(labelsOf(sample))),
          line);
    }
  }

  private static Set<String> labelsOf(String sample) {
    return Pattern.compile("[{,](\\w+)=\"")
        .matcher(sample)
        .results()
        .map(label -> label.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void headHasNoBody() throws Exception {
    HttpResponse<String> head =
        service.send(service.request("/health").method("HEAD", BodyPublishers.noBody()));
    assertEquals(200, head.statusCode());
    assertEquals("", head.body());
  }

  static Stream<Arguments> refused() {
    Map<String, Object> without = Examples.row();
    without.remove("AGE");
    List<Object> tooMany = Collections.nCopies(1001, Map.of());
    String infer = "/v2/models/credit-default/infer";
    Map<String, Object> twoLengths = tensors(ROWS);
    twoLengths.put("inputs", List.of(tensor("AGE", List.of(1, 2)), tensor("SEX", List.of(1))));
    return Stream.of(
        Arguments.of("/predict", "{", 400, "is not valid JSON at line 1, column"),
        Arguments.of("/predict", "", 400, "is not of the form {\"features\": {column: value, …}}"),
        Arguments.of(
            "/predict", "[]", 400, "is not of the form {\"features\": {column: value, …}}"),
        Arguments.of("/predict", "{\"features\": 1}", 400, "is not of the form {\"features\""),
        Arguments.of("/predict", "{} {}", 400, "is not of the form {\"features\""),
        Arguments.of(
            "/predict",
            "{\"feature\": {}}",
            400,
            "has the unknown field 'feature'; the only field is 'features'"),
        Arguments.of("/predict", features(without), 422, "Row 0 lacks [AGE]; send every column"),
        Arguments.of(
            "/predict", features(Examples.row("AGE", "old")), 422, "Row 0 has 'old' in 'AGE'"),
        Arguments.of(
            "/predict",
            features(Examples.row("AGE", List.of(1))),
            422,
            "an array or an object in 'AGE'"),
        Arguments.of(
            "/predict", features(Examples.row("AGE", "inf")), 422, "an infinite number in 'AGE'"),
        Arguments.of(
            "/predict",
            features(Examples.row()).replaceFirst("\"AGE\"", "\"AGE\":1,\"AGE\""),
            400,
            "Row 0 has the column 'AGE' twice"),
        Arguments.of("/batch_predict", "{\"instances\": []}", 400, "'instances' is empty"),
        Arguments.of(
            "/batch_predict", "{\"instances\": {}}", 400, "is not of the form {\"instances\""),
        Arguments.of(
            "/batch_predict",
            Examples.json(Map.of("instances", List.of(Examples.row(), Examples.row("AGE", "x")))),
            422,
            "Row 1 has 'x' in 'AGE'"),
        Arguments.of(
            "/batch_predict",
            Examples.json(Map.of("instances", Collections.nCopies(1001, Examples.row()))),
            413,
            "more than 1000 rows"),
        Arguments.of(
            "/batch_predict", Examples.json(Map.of("instances", tooMany)), 422, "Row 0 lacks"),
        Arguments.of(infer, "{}", 400, "no 'inputs'"),
        Arguments.of(infer, "null", 400, "no 'inputs'"),
        Arguments.of(infer, "{\"inputs\": [null]}", 400, "lacks its name, shape"),
        Arguments.of(infer, Examples.json(twoLengths), 400, "'SEX' has 1 rows, others have 2"),
        Arguments.of(
            infer,
            Examples.json(Map.of("inputs", List.of(tensor("AGE", List.of()), Map.of()))),
            400,
            "The input 'AGE' declares the shape [0] and has 0 values"),
        Arguments.of(
            infer,
            Examples.json(
                Map.of("inputs", List.of(tensor("AGE", List.of(1)), tensor("AGE", List.of(1))))),
            400,
            "'AGE' is in the request twice"),
        Arguments.of(
            infer,
            Examples.json(
                Map.of(
                    "inputs",
                    List.of(
                        Map.of(
                            "name",
                            "AGE",
                            "shape",
                            List.of(1),
                            "datatype",
                            "X",
                            "data",
                            List.of(1))))),
            400,
            "the unknown datatype 'X'"),
        Arguments.of(
            infer,
            Examples.json(
                Map.of(
                    "inputs",
                    List.of(tensor("AGE", List.of(1))),
                    "outputs",
                    List.of(Map.of("name", "logits")))),
            400,
            "no output 'logits'"),
        Arguments.of(
            infer,
            "{\"inputs\": [], \"parameters\": 1}",
            400,
            "not have the expected shape at 'parameters'"),
        Arguments.of(
            infer, "{\"inputs\": [1]}", 400, "not have the expected shape at 'inputs.[0]'"),
        Arguments.of(
            infer,
            Examples.json(
                Map.of("inputs", List.of(tensor("AGE", List.of(1))), "outputs", List.of(Map.of()))),
            400,
            "There is no output 'null'"),
        Arguments.of(
            infer,
            Examples.json(tensors(List.of(Examples.row("AGE", BigInteger.TEN.pow(900))))),
            422,
            "an infinite number in 'AGE'"),
        Arguments.of(
            "/predict",
            features(Examples.row("AGE", "old".repeat(100_000))),
            422,
            "Row 0 has 'old"),
        Arguments.of("/predict", features(Examples.row("AGE", THOUSAND_DIGITS)), 400, AT_MOST),
        Arguments.of(
            infer,
            Examples.json(tensors(List.of(Examples.row("AGE", THOUSAND_DIGITS)))),
            400,
            AT_MOST),
        Arguments.of("/predict", "{\"" + "x".repeat(60_000) + "\": 1}", 400, AT_MOST),
        Arguments.of(infer, "{\"inputs\": [{\"data\": " + "[".repeat(2_000), 400, AT_MOST),
        Arguments.of("/predict", "{\"features\": {\"x\": " + "[".repeat(2_000), 400, AT_MOST),
        Arguments.of("/predict", "{\"\\ud800\": 1}", 400, "is not valid JSON"),
        Arguments.of(
            "/predict",
            features(Examples.row("AGE", "old")).replace("old", "\\ud800"),
            422,
            "Row 0 has '?' in 'AGE'"),
        Arguments.of(
            "/predict", features(Examples.row("AGE", "\ud83d\ude00".repeat(300))), 422, "Row 0"),
        Arguments.of("/v2/models/credit-default/versions//infer", "{}", 404, "There is nothing at"),
        Arguments.of(infer, Examples.json(tensors(List.of(without))), 422, "Row 0 lacks [AGE]"),
        Arguments.of("/v2/models/other/infer", "{}", 404, "does not serve model 'other'"),
        Arguments.of("/nowhere", "{}", 404, "There is nothing at /nowhere"),
        Arguments.of("/health", "{}", 405, "/health accepts GET, not POST."));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void invalidRequestsGetAStatusAndASentence(String path, String body, int status, String sentence)
      throws Exception {
    HttpResponse<String> response = service.post(path, body);
    JsonNode problem = Json.MAPPER.readTree(response.body());
    assertAll(
        () -> assertEquals(status, response.statusCode(), response.body()),
        () -> assertTrue(problem.get("message").stringValue().contains(sentence), response.body()),
        () -> assertEquals(status, problem.get("status").intValue()),
        () -> assertTrue(response.body().length() < 2_000, "a sentence, not what was sent"),
        () ->
            assertEquals(
                "application/problem+json",
                response.headers().firstValue("Content-Type").orElse("")));
  }

  @Test
  void aBodyThatIsTooLargeIsRefused() throws Exception {
    byte[] large = new byte[9 << 20];
    HttpResponse<String> announced =
        service.send(service.request("/predict").POST(BodyPublishers.ofByteArray(large)));
    assertEquals(413, announced.statusCode());
    List<byte[]> pieces = new ArrayList<>(Collections.nCopies(9, new byte[1 << 20]));
    HttpResponse<String> unannounced =
        service.send(service.request("/predict").POST(BodyPublishers.ofByteArrays(pieces)));
    assertEquals(413, unannounced.statusCode());
  }

  private static double[][] probabilities() {
    Table rows =
        new Table(
            Examples.row().keySet().stream()
                .<Column>map(
                    name ->
                        new Column.Texts(
                            name,
                            ROWS.stream()
                                .map(row -> String.valueOf(row.get(name)))
                                .toArray(String[]::new)))
                .toList());
    var features = Examples.MODEL.version().preprocessing().apply(rows).features();
    try (PlainEngine engine =
        new PlainEngine(Examples.MODEL.version(), Examples.MODEL.weights(), 1)) {
      float[] logits = engine.head(engine.encode(features), ROWS.size());
      double[][] probabilities = new double[ROWS.size()][];
      for (int row = 0; row < probabilities.length; row++) {
        double second = 1 / (1 + Math.exp((double) logits[2 * row] - logits[2 * row + 1]));
        probabilities[row] = new double[] {1 - second, second};
      }
      return probabilities;
    }
  }

  private static String features(Map<String, Object> row) {
    return Examples.json(Map.of("features", row));
  }

  private static Map<String, Object> tensors(List<Map<String, Object>> rows) {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("id", "7");
    request.put("model_name", "as a client of KServe sends it");
    request.put(
        "inputs",
        rows.getFirst().keySet().stream()
            .map(name -> tensor(name, rows.stream().map(row -> row.get(name)).toList()))
            .toList());
    return request;
  }

  private static Map<String, Object> tensor(String name, List<?> values) {
    return Map.of(
        "name", name, "datatype", "BYTES", "shape", List.of(values.size()), "data", values);
  }
}
