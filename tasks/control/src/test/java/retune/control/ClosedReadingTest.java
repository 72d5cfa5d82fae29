package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.runtime.http.Tokens;

/** A service that tells nothing to whoever has no token. */
class ClosedReadingTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final String NEXT = "ponmlkjihgfedcba9876543210";
  private static final Path TOKENS = RunningControl.tokenFile("ops " + TOKEN + "\n");
  private static final RunningControl CONTROL = start();

  private static RunningControl start() {
    RunningControl started = RunningControl.closed(TOKENS);
    started.register("credit");
    return started;
  }

  private static void write(String lines) throws IOException {
    // As the secret of a cluster is replaced: at no time is there no file.
    Path other = Files.writeString(Files.createTempFile("tokens", "next"), lines);
    Files.move(other, TOKENS, StandardCopyOption.ATOMIC_MOVE);
  }

  @AfterAll
  static void stop() throws IOException {
    CONTROL.close();
    Files.delete(TOKENS);
  }

  @BeforeEach
  void nobody() throws IOException {
    write("ops " + TOKEN + "\n");
    CONTROL.useToken(null);
    CONTROL.pass(Duration.ofMinutes(1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/models/credit",
        "/reports/drift?id=x",
        "/model/status?model=credit",
        "/retrain/versions",
        "/scheduler/status",
        "/health",
        "/metrics",
        "/api"
      })
  void nothingIsToldWithoutAToken(String path) throws Exception {
    HttpResponse<String> refused = CONTROL.get(path);
    assertEquals(401, refused.statusCode(), refused.body());
    assertTrue(refused.body().contains("Authorization: Bearer TOKEN"), refused.body());
    assertFalse(refused.body().contains("credit"), refused.body());

    CONTROL.useToken(TOKEN);
    assertTrue(Stream.of(401, 403).noneMatch(s -> s == status(path)), path);
  }

  @Test
  void aBrowserIsLedToTheLogInAndBack() throws Exception {
    HttpResponse<String> led =
        CONTROL.send(CONTROL.request("/models/credit?days=30").header("Accept", "text/html").GET());
    assertEquals(303, led.statusCode());
    String login = led.headers().firstValue("Location").orElseThrow();
    assertEquals("/login?next=%2Fmodels%2Fcredit%3Fdays%3D30", login);

    Browser browser = new Browser(CONTROL);
    assertTrue(browser.page(login).contains("name=\"next\""), "the log-in page is open");
    HttpResponse<String> in =
        browser.post(
            "/login", Map.of("name", "ops", "token", TOKEN, "next", "/models/credit?days=30"));
    assertEquals("/models/credit?days=30", Browser.location(in));
    assertTrue(browser.page("/models/credit?days=30").contains("credit"));
  }

  @Test
  void anOpenPageThatListensForNewsDoesNotKeepASessionAlive() throws Exception {
    Browser browser = new Browser(CONTROL);
    browser.logIn("ops", TOKEN);
    CONTROL.pass(Sessions.IDLE.minusSeconds(1));
    assertEquals(200, listen(browser.cookie()), "the session is not over yet");
    CONTROL.pass(Duration.ofSeconds(1));
    assertEquals(401, listen(browser.cookie()));
    assertEquals(401, CONTROL.get("/events").statusCode());
  }

  @Test
  void aProbeNeedsNoToken() throws Exception {
    assertEquals(200, CONTROL.get("/health/live").statusCode());
  }

  @Test
  void withoutATokenFileNobodyCouldRead() {
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () ->
                new Readers(
                    Control.Reading.TOKEN,
                    new Tokens(null, Clock.systemUTC()),
                    new Sessions(
                        new Tokens(null, Clock.systemUTC()), new NoLoops(), Clock.systemUTC())));
    assertEquals(
        "With --reading token and without --token-file nobody could read; give --token-file, or"
            + " leave out --reading.",
        refused.getMessage());
  }

  /** First both tokens hold, then the new one: no caller who has changed in time is refused. */
  @Test
  void tokensAreRotatedUnderLoadWithoutARefusal() throws Exception {
    CONTROL.useToken(TOKEN);
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<Integer> call =
          () -> {
            int refused = 0;
            for (int i = 0; i < 20; i++) {
              refused += CONTROL.get("/retrain/versions").statusCode() == 200 ? 0 : 1;
            }
            return refused;
          };
      Future<Integer> before = callers.submit(call);
      Future<Integer> beside = callers.submit(call);
      write("ops " + TOKEN + "\nops " + NEXT + "\n");
      assertEquals(0, before.get() + beside.get());

      CONTROL.useToken(NEXT);
      Future<Integer> after = callers.submit(call);
      write("ops " + NEXT + "\n");
      assertEquals(0, after.get());
    }
    CONTROL.useToken(TOKEN);
    assertEquals(401, CONTROL.get("/retrain/versions").statusCode(), "the old one is out");
  }

  private static int listen(String cookie) throws Exception {
    return CONTROL.send(CONTROL.request("/events").header("Cookie", cookie).HEAD()).statusCode();
  }

  private static int status(String path) {
    try {
      return CONTROL.get(path).statusCode();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
