package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;
import retune.runtime.http.Endpoint;
import retune.runtime.http.HttpService;
import retune.runtime.http.Route;
import retune.testing.OpenConnections;
import retune.testing.TestContext;
import retune.testing.TestStore;

/** Server-sent events of the control service. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class NewsTest {
  private static final TestStore STORE = TestStore.open();
  private static final Duration TICK = Duration.ofMillis(20);
  private static final Duration LONG = Duration.ofSeconds(50);

  private final HttpClient client = HttpClient.newHttpClient();
  private @Nullable RunningNews running;

  /** Of the requests that have ended. */
  private final Queue<Integer> statuses = new ConcurrentLinkedQueue<>();

  @AfterAll
  static void closeStore() {
    STORE.close();
  }

  @AfterEach
  void stop() {
    if (running != null) {
      running.close();
    }
    client.close();
  }

  @Test
  void aPageIsToldOnceThatSomethingHasChanged() throws Exception {
    RunningNews service = start(2, LONG, LONG);
    try (BufferedReader page = listen(service)) {
      String first = event(page);
      STORE.documents().events().record("outcomes", "credit/2026-11-04/0", new Document());
      String second = event(page);
      STORE
          .documents()
          .collection("champions")
          .insertOne(new Document("_id", "credit").append("revision", 1L));
      String third = event(page);

      assertNotEquals(first, second);
      assertNotEquals(second, third);
      try (BufferedReader other = listen(service)) {
        assertEquals(third, event(other), "whoever comes later is told what there is");
      }
    }
  }

  @Test
  void pagesThatAreToldAreFewAndAPlaceComesFreeWhenOneLeaves() throws Exception {
    RunningNews service = start(2, TICK, LONG);
    BufferedReader first = listen(service);
    BufferedReader second = listen(service);
    event(first);
    event(second);

    HttpResponse<String> third =
        client.send(
            HttpRequest.newBuilder(URI.create(service.address() + "/events")).build(),
            BodyHandlers.ofString());

    assertEquals(503, third.statusCode());
    assertTrue(
        third.body().contains("2 pages are told of news already; this one looks each minute."),
        third.body());
    first.close();
    until(() -> service.news().listeners() == 1);
    try (BufferedReader again = listen(service)) {
      event(again);
    }
    second.close();
    until(() -> service.news().listeners() == 0 && !service.news().isWatching());
  }

  /** A mistake of a caller is a 400, and leaving a page is none. */
  @Test
  void aPageThatIsLeftWasAnsweredWell() throws Exception {
    RunningNews service = start(1, TICK, LONG);
    BufferedReader page = listen(service);
    event(page);

    page.close();

    until(() -> !statuses.isEmpty());
    assertEquals(List.of(200), List.copyOf(statuses));
  }

  @Test
  void aConnectionEndsBeforeTheServerCutsIt() throws Exception {
    RunningNews service = start(2, TICK, TICK.multipliedBy(3));
    try (BufferedReader page = listen(service)) {
      List<String> events = page.lines().filter(line -> line.startsWith("data:")).toList();
      assertTrue(events.size() <= 1, events.toString()); // none where the first look took longer
    }
    until(() -> service.news().listeners() == 0);
  }

  @Test
  void aPageThatHasNothingToHearOfAStoreThatIsAwayIsNotHeldForLonger() throws Exception {
    TestContext there = STORE.context();
    TestContext away =
        new TestContext(
            there.run(),
            there.clock(),
            there.settings(),
            () -> {
              throw new NotReadyException("The store does not answer.");
            });
    RunningNews service = start(away, 2, TICK, TICK.multipliedBy(25));
    try (BufferedReader page = listen(service)) {
      List<String> lines = page.lines().toList();
      assertTrue(lines.contains(":"), "a heartbeat notices pages that have left: " + lines);
      assertTrue(lines.stream().noneMatch(line -> line.startsWith("data:")), lines.toString());
    }
    until(() -> service.news().listeners() == 0);
  }

  @Test
  void aFaultOfThisServiceDoesNotEndTheNews() throws Exception {
    TestContext there = STORE.context();
    AtomicInteger looks = new AtomicInteger();
    TestContext faulty =
        new TestContext(
            there.run(),
            there.clock(),
            there.settings(),
            () -> {
              if (looks.incrementAndGet() == 1) {
                throw new OutOfMemoryError("Java heap space");
              }
              return there.store();
            });
    RunningNews service = start(faulty, 1, LONG, LONG);
    try (BufferedReader page = listen(service)) {
      assertFalse(event(page).isEmpty());
    }
  }

  @Test
  void closingTheServiceEndsItsConnections() throws Exception {
    RunningNews service = start(2, LONG, LONG);
    try (BufferedReader page = listen(service)) {
      event(page);
      service.news().close();
      assertEquals("", page.readLine());
      assertNull(page.readLine());
    }
    until(() -> !service.news().isWatching());
  }

  @Test
  void aRequestIsAnsweredBesideTwoThousandPagesThatListen() throws Exception {
    RunningNews service = start(5, TICK, LONG);
    URI address = URI.create(service.address());
    try (OpenConnections _ =
        OpenConnections.open(address.getPort(), 2_000, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n")) {
      until(() -> service.news().listeners() == 5);

      HttpResponse<String> answer =
          client.send(
              HttpRequest.newBuilder(address.resolve("/health/live")).build(),
              BodyHandlers.ofString());

      assertEquals(200, answer.statusCode());
      assertEquals(5, service.news().listeners());
    }
    until(() -> service.news().listeners() == 0);
  }

  @Test
  void aNumberOfPagesThatIsNoneIsRefused() {
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () -> new News(STORE.context().with(Map.of(News.SETTING, "many"))));
    assertEquals(
        "RETUNE_LIVE_PAGES is 'many'; set it to the number of pages that are told of news at"
            + " once, from 0 to 400.",
        refused.getMessage());
  }

  private RunningNews start(int most, Duration heartbeat, Duration longest) throws IOException {
    return start(STORE.context(), most, heartbeat, longest);
  }

  private RunningNews start(TestContext context, int most, Duration heartbeat, Duration longest)
      throws IOException {
    News news = new News(context, most, new News.Times(TICK, heartbeat, longest));
    List<Route> routes = new ArrayList<>(new HealthRoutes(STORE.context()).routes());
    routes.addAll(news.routes());
    RunningNews service =
        new RunningNews(
            news,
            HttpService.start(
                new Endpoint("127.0.0.1", 0, null),
                routes,
                new HttpService.Around() {
                  @Override
                  public void ended(
                      HttpExchange exchange,
                      String route,
                      String label,
                      int status,
                      long nanoseconds) {
                    statuses.add(status);
                  }
                },
                STORE.context().clock()));
    running = service;
    return service;
  }

  /** The service with its news alone. */
  private record RunningNews(News news, HttpService service) implements AutoCloseable {
    String address() {
      return service.address();
    }

    @Override
    public void close() {
      news.close();
      service.close();
    }
  }

  private BufferedReader listen(RunningNews service) throws Exception {
    HttpResponse<InputStream> answer =
        client.send(
            HttpRequest.newBuilder(URI.create(service.address() + "/events")).build(),
            BodyHandlers.ofInputStream());
    assertEquals(200, answer.statusCode());
    assertEquals(
        "text/event-stream; charset=utf-8", answer.headers().firstValue("Content-Type").orElse(""));
    return new BufferedReader(new InputStreamReader(answer.body(), UTF_8));
  }

  /** The next event, leaving out comments. */
  private static String event(BufferedReader page) throws IOException {
    String line = page.readLine();
    while (line != null && !line.startsWith("data: ")) {
      line = page.readLine();
    }
    return String.valueOf(line).substring("data: ".length());
  }

  private static void until(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      Thread.sleep(5);
    }
  }
}
