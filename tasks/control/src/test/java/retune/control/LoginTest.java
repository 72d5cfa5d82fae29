package retune.control;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.runtime.http.Tokens;

/** Logging in and out on the pages, and who may send their forms. */
class LoginTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final String LINE = "ops " + TOKEN + "\n";
  private static final Path TOKENS = RunningControl.tokenFile(LINE);
  private static final RunningControl CONTROL = new RunningControl(Map.of(), null, TOKENS);

  private Browser browser = new Browser(CONTROL);

  @AfterAll
  static void stop() throws IOException {
    CONTROL.close();
    Files.delete(TOKENS);
  }

  @BeforeEach
  void aNewBrowser() {
    CONTROL.pass(Duration.ofMinutes(2)); // so that no test uses up another's tries
    browser = new Browser(CONTROL);
  }

  @Test
  void aPersonLogsInAndOut() throws Exception {
    assertTrue(browser.page("/").contains("<a href=\"/login?next=%2F\">Log in</a>"));

    HttpResponse<String> answer =
        browser.post("/login", Map.of("name", "ops", "token", TOKEN, "next", "/?days=30"));

    assertEquals("/?days=30", Browser.location(answer));
    String header = answer.headers().firstValue("Set-Cookie").orElseThrow();
    assertTrue(
        header.matches("retune_session_\\d+=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict"),
        header);
    String page = browser.page("/");
    assertTrue(page.contains("<span>ops</span>"), page);
    assertFalse(page.contains(TOKEN), "no page has the token");

    HttpResponse<String> out = browser.press(page, "/logout", Map.of());
    assertEquals("/", Browser.location(out));
    assertTrue(out.headers().firstValue("Set-Cookie").orElseThrow().endsWith("; Max-Age=0"));
    assertTrue(browser.page("/").contains("Log in</a>"));
  }

  /** Two services behind two ports of a machine, as containers and port-forwards are. */
  @Test
  void theCookiesNameHasThePortThatTheBrowserUses() throws Exception {
    String own = CONTROL.address().substring(CONTROL.address().lastIndexOf(':') + 1);

    assertTrue(cookie("localhost:18091").startsWith("retune_session_18091="));
    assertTrue(cookie("[::1]:18092").startsWith("retune_session_18092="));
    assertTrue(cookie("localhost").startsWith("retune_session_" + own + "="));
  }

  /** The cookie of a log-in by a name of this machine, which an HTTP client would not send. */
  private static String cookie(String host) throws IOException {
    URI address = URI.create(CONTROL.address());
    String form = "name=ops&token=" + TOKEN;
    String request =
        """
        POST /login HTTP/1.1
        Host: %1$s
        Origin: http://%1$s
        Content-Type: application/x-www-form-urlencoded
        Content-Length: %2$d
        Connection: close

        %3$s\
        """
            .formatted(host, form.length(), form)
            .replace("\n", "\r\n");
    try (Socket socket = new Socket(address.getHost(), address.getPort())) {
      socket.getOutputStream().write(request.getBytes(US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), UTF_8);
      Matcher cookie = Pattern.compile("(?i)\r\nSet-Cookie: ([^\r]+)").matcher(answer);
      assertTrue(cookie.find(), answer);
      return cookie.group(1);
    }
  }

  @Test
  void theCookieIsSecureWhereTheBrowserSeesTls() throws Exception {
    HttpResponse<String> answer =
        browser.send(
            browser
                .form("/login", Map.of("name", "ops", "token", TOKEN))
                .header("Origin", CONTROL.address().replace("http:", "https:")));

    assertTrue(answer.headers().firstValue("Set-Cookie").orElseThrow().endsWith("; Secure"));
  }

  @Test
  void aSessionThatWasLoggedOutIsRefusedWhenItIsReplayed() throws Exception {
    browser.logIn("ops", TOKEN);
    String cookie = browser.cookie();
    String page = browser.page("/");
    browser.press(page, "/logout", Map.of());
    browser.cookie(cookie);

    HttpResponse<String> replayed = browser.press(page, "/logout", Map.of());

    assertSays(
        401,
        "Nobody is logged in any more, so nothing was done. Log in, and press the button again.",
        replayed);
    assertTrue(browser.page("/").contains("Log in</a>"));
  }

  @Test
  void eachLogInHasACookieOfItsOwnAndEndsTheOneBefore() throws Exception {
    browser.logIn("ops", TOKEN);
    String first = browser.cookie();
    browser.logIn("ops", TOKEN);
    String second = browser.cookie();

    assertNotEquals(first, second);
    browser.cookie(first);
    assertTrue(browser.page("/").contains("Log in</a>"));
  }

  @ParameterizedTest
  @CsvSource({
    "Origin, https://evil.example",
    "Origin, null",
    "Sec-Fetch-Site, cross-site",
    "Sec-Fetch-Site, same-site",
    "Sec-Fetch-Site, none",
    "X-Nothing, said"
  })
  void aFormOfAnotherSiteIsRefused(String header, String value) throws Exception {
    browser.logIn("ops", TOKEN);
    Map<String, String> fields = Browser.hidden(browser.page("/"), "/logout");

    assertSays(
        403,
        "This form did not come from a page of this service, so nothing was done.",
        browser.send(browser.form("/logout", fields).header(header, value)));
    assertSays(
        403,
        "This form did not come from a page of this service, so nothing was done.",
        browser.send(
            browser.form("/login", Map.of("name", "ops", "token", TOKEN)).header(header, value)));
    assertTrue(browser.page("/").contains("Log out"), "the session goes on");
  }

  @Test
  void aFormThatABrowserCallsItsOwnIsTaken() throws Exception {
    HttpRequest.Builder form =
        browser
            .form("/login", Map.of("name", "ops", "token", TOKEN))
            .header("Sec-Fetch-Site", "same-origin");

    assertEquals("/", Browser.location(browser.send(form)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "another"})
  void aFormOfAnotherSessionIsRefused(String key) throws Exception {
    browser.logIn("ops", TOKEN);

    HttpResponse<String> answer = browser.post("/logout", Map.of("form_key", key));

    assertSays(403, "This form belongs to another session, so nothing was done.", answer);
    assertTrue(browser.page("/").contains("Log out"), "the session goes on");
  }

  @Test
  void aSessionEndsWhenItsTokenLeavesTheFile() throws Exception {
    browser.logIn("ops", TOKEN);
    try {
      Files.writeString(TOKENS, "ops another-token-of-good-length\n");
      assertTrue(browser.page("/").contains("Log in</a>"));
    } finally {
      Files.writeString(TOKENS, LINE);
    }
    assertTrue(browser.page("/").contains("Log in</a>"), "it does not come back");
  }

  @Test
  void aTokenFileThatCannotBeReadLetsPeopleReadAndNobodySteer() throws Exception {
    browser.logIn("ops", TOKEN);
    String page = browser.page("/");
    try {
      Files.writeString(TOKENS, "short 123\n");
      assertTrue(browser.page("/").contains("Log in</a>"));
      assertSays(
          503,
          "The tokens of this service cannot be read; see its log.",
          browser.press(page, "/logout", Map.of()));
    } finally {
      Files.writeString(TOKENS, LINE);
    }
    assertTrue(browser.page("/").contains("Log out"), "it is back with the file");
  }

  @Test
  void aSessionEndsWhenNobodyUsesIt() throws Exception {
    browser.logIn("ops", TOKEN);
    CONTROL.pass(Sessions.IDLE.minusSeconds(1));
    assertTrue(browser.page("/").contains("Log out"));
    CONTROL.pass(Sessions.IDLE.minusSeconds(1));
    // The script of an open page looks for news; that uses nothing.
    String cookie = browser.cookie();
    HttpRequest.Builder refresh =
        CONTROL.request("/").header("Cookie", cookie).header("Retune-Refresh", "1");
    assertTrue(browser.send(refresh).body().contains("Log out"));
    CONTROL.pass(Duration.ofSeconds(1));
    assertTrue(browser.page("/").contains("Log in</a>"));
  }

  @Test
  void aSessionEndsHoweverMuchItIsUsed() throws Exception {
    browser.logIn("ops", TOKEN);
    Duration step = Sessions.IDLE.dividedBy(2);
    for (Duration past = step; past.compareTo(Sessions.LONGEST) < 0; past = past.plus(step)) {
      CONTROL.pass(step);
      assertTrue(browser.page("/").contains("Log out"));
    }
    CONTROL.pass(step);
    assertTrue(browser.page("/").contains("Log in</a>"));
  }

  @Test
  void aWrongNameOrTokenIsRefusedAndTriesAreFewAndARightOnePasses() throws Exception {
    String wrong = "This name and this token are not those of one line of the token file.";
    assertSays(401, wrong, browser.logIn("night", TOKEN));
    assertSays(401, wrong, browser.logIn("ops", "a-wrong-token-of-some-length"));
    assertSays(401, wrong, browser.post("/login", Map.of("name", "ops")));
    for (int i = 3; i < Tokens.MOST_WRONG; i++) {
      browser.logIn("ops", "a-wrong-token-of-some-length");
    }

    assertSays(
        429,
        "Too many wrong tokens came from 127.0.0.1; try again in 6 s.",
        browser.logIn("ops", "a-wrong-token-of-some-length"));
    assertEquals("", browser.cookie());
    Browser.location(browser.logIn("ops", TOKEN)); // others may sit behind the same address
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: b=c"
      })
  void aLinkLeadsNowhereElse(String next) throws Exception {
    assertEquals(
        "/",
        Browser.location(
            browser.post("/login", Map.of("name", "ops", "token", TOKEN, "next", next))));
  }

  @Test
  void noTextBecomesAPartOfThePage() throws Exception {
    String bad = "\"><script>alert(1)</script>";
    for (String page :
        new String[] {
          browser.get("/login?next=/%22%3E%3Cscript%3E").body(),
          browser.logIn(bad, "x").body(),
          browser.get("/models/credit?days=%22%3E%3Cscript%3E").body()
        }) {
      assertEquals(1, page.split("<script", -1).length - 1, page);
    }
  }

  @Test
  void whatIsNoFormOrTooLargeIsRefused() throws Exception {
    HttpRequest.Builder json =
        CONTROL
            .request("/login")
            .header("Origin", CONTROL.address())
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString("{}"));

    assertSays(
        415,
        "A form is sent as application/x-www-form-urlencoded, not as &#39;application/json&#39;.",
        browser.send(json));
    assertSays(
        413,
        "The request body is larger than 65536 bytes; shorten the texts.",
        browser.logIn("ops", "x".repeat(70_000)));
  }

  @Test
  void withoutTokensNobodyLogsIn() throws Exception {
    try (RunningControl telling = new RunningControl()) {
      Browser anybody = new Browser(telling);
      assertFalse(anybody.page("/").contains("Log in"));
      assertSays(403, "This service only tells, because it has no tokens.", anybody.get("/login"));
      assertSays(
          403, "This service only tells, because it has no tokens.", anybody.logIn("ops", TOKEN));
    }
  }

  private static void assertSays(int status, String sentence, HttpResponse<String> answer) {
    assertEquals(status, answer.statusCode(), answer.body());
    assertTrue(answer.body().contains("role=\"alert\">" + sentence), answer.body());
  }
}
