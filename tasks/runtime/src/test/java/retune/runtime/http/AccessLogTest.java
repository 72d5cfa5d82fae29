package retune.runtime.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.runtime.LogFields;

/** What a service writes about a request, and what it leaves out. */
class AccessLogTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final Logger ACCESS = Logger.getLogger("retune.access");

  private final BlockingQueue<LogRecord> lines = new LinkedBlockingQueue<>();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord line) {
          lines.add(line);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @TempDir Path folder;

  @BeforeEach
  void listen() {
    ACCESS.setLevel(Level.INFO); // as a step has it
    ACCESS.addHandler(handler);
  }

  @AfterEach
  void end() {
    ACCESS.removeHandler(handler);
    ACCESS.setLevel(null);
  }

  @Test
  void aRequestIsOneLineWithoutWhatItCarried() throws Exception {
    try (HttpService service = serve(true)) {
      send(
          service,
          request(service, "/predict?token=hidden-1")
              .header("Authorization", "Bearer " + TOKEN)
              .header("X-Request-Id", "order-7")
              .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
              .POST(BodyPublishers.ofString("{\"name\": \"hidden-2\"}")));

      Map<String, Object> fields = fields();

      assertEquals("POST", fields.get("method"));
      assertEquals("/predict", fields.get("path"));
      assertEquals(200, fields.get("status"));
      assertEquals("{\"by\":\"shop\"}".length(), fields.get("bytes"));
      assertEquals("order-7", fields.get("request_id"));
      assertEquals("shop", fields.get("by"));
      assertEquals("4bf92f3577b34da6a3ce929d0e0e4736", fields.get("trace_id"));
      assertEquals("00f067aa0ba902b7", fields.get("span_id"));
      assertTrue(fields.get("ms") instanceof Double ms && ms >= 0, fields.toString());
      String all = fields.toString();
      assertFalse(all.contains("hidden") || all.contains(TOKEN), all);
    }
  }

  @Test
  void aRequestThatFailsHasALineAndNobodysName() throws Exception {
    try (HttpService service = serve(true)) {
      send(service, request(service, "/predict").header("X-Request-Id", "a b\"c").POST(nothing()));
      send(service, request(service, "/nowhere/" + "x".repeat(500)).GET());

      Map<String, Object> refused = fields();
      assertEquals(401, refused.get("status"));
      assertFalse(refused.containsKey("by"), refused.toString());
      assertFalse(refused.containsKey("request_id"), "it is no id: " + refused);
      String path = String.valueOf(fields().get("path"));
      assertTrue(path.endsWith(" …") && path.length() < 210, path);
    }
  }

  @Test
  void aMethodThatIsNoneIsNotWritten() throws Exception {
    try (HttpService service = serve(true)) {
      URI address = URI.create(service.address());
      for (String method : List.of("G\u001b[31m\rX", "X".repeat(5_000))) {
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
          socket
              .getOutputStream()
              .write((method + " /other HTTP/1.1\r\nHost: a\r\n\r\n").getBytes(UTF_8));
          LogRecord line = lines.poll(20, TimeUnit.SECONDS);
          assertTrue(line != null, "no line within 20 seconds");
          LogFields written = (LogFields) line.getParameters()[0];
          assertEquals("other", written.fields().get("method"));
          assertEquals(405, written.fields().get("status"));
          assertTrue(written.sentence().startsWith("other /other 405 in "), written.sentence());
        }
      }
    }
  }

  @Test
  void probesAndScrapesAreLeftOut() throws Exception {
    try (HttpService service = serve(true)) {
      send(service, request(service, "/health/live").GET());
      send(service, request(service, "/other").GET());
      assertEquals("/other", fields().get("path"));
      assertTrue(lines.isEmpty());
    }
  }

  @Test
  void aServiceThatIsNotAskedToWritesNothing() throws Exception {
    try (HttpService service = serve(false)) {
      send(service, request(service, "/other").GET());
    }
    assertTrue(lines.isEmpty());
  }

  private Map<String, Object> fields() throws InterruptedException {
    LogRecord line = lines.poll(20, TimeUnit.SECONDS);
    assertTrue(line != null, "no line within 20 seconds");
    return ((LogFields) line.getParameters()[0]).fields();
  }

  private HttpService serve(boolean logsAccess) throws Exception {
    Path file = Files.writeString(folder.resolve("tokens"), "shop " + TOKEN + "\n");
    Tokens tokens = new Tokens(file, Clock.systemUTC());
    return HttpService.start(
        new Endpoint("127.0.0.1", 0, null, null, null, logsAccess),
        List.of(
            Route.post(
                "/predict",
                Route.OTHER,
                (exchange, _) -> Answer.json(Map.of("by", tokens.holder(exchange)))),
            Route.get("/health/live", (_, _) -> Answer.json(Map.of())),
            Route.get("/other", (_, _) -> Answer.json(Map.of()))),
        new HttpService.Around() {},
        Clock.systemUTC());
  }

  private static HttpRequest.BodyPublisher nothing() {
    return BodyPublishers.noBody();
  }

  private static HttpRequest.Builder request(HttpService service, String path) {
    return HttpRequest.newBuilder(URI.create(service.address() + path))
        .timeout(Duration.ofMinutes(1));
  }

  private static void send(HttpService service, HttpRequest.Builder request) throws Exception {
    assertTrue(service.address().startsWith("http://"));
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
      client.send(request.build(), BodyHandlers.ofString());
    }
  }
}
