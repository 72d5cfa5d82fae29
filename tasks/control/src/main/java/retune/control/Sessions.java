package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsExchange;
import java.net.URI;
import java.net.URISyntaxException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.Viewer;
import retune.control.dashboard.Viewer.Can;
import retune.control.dashboard.Viewer.Said;
import retune.core.data.Hashing;
import retune.runtime.http.Caller;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import retune.runtime.http.Tokens;

/**
 * The people who are logged in on the pages. A cookie has a random number of 256 bits, which only
 * this process knows what it stands for; a restart logs everybody out. A session ends by log-out,
 * after {@link #IDLE} without a request, after {@link #LONGEST}, or when its line leaves the token
 * file.
 */
final class Sessions {
  static final Duration IDLE = Duration.ofHours(1);
  static final Duration LONGEST = Duration.ofHours(12);

  /** What the pages' script sends when it looks for news: nobody uses the session by that. */
  private static final String REFRESH = "Retune-Refresh";

  /** At the end of the header {@code Host}. */
  private static final Pattern PORT = Pattern.compile(":(\\d{1,5})$");

  /** Sessions kept; whichever was not used for longest ends first. */
  private static final int MOST = 1_000;

  /** Sentences that a session keeps for its pages. */
  private static final int MOST_SAID = 20;

  private static final int BYTES = 32;
  private static final SecureRandom RANDOM = new SecureRandom();

  /** A person's session. */
  static final class Session {
    private final Tokens.Entry line;
    private final String formKey = random();
    private final Instant since;
    private volatile Instant used;

    /** What came of a press of a button, by the number that the page's address gives. */
    private final Map<Integer, Said> said = new LinkedHashMap<>();

    private int sentences;

    private Session(Tokens.Entry line, Instant now) {
      this.line = line;
      this.since = now;
      this.used = now;
    }

    /** Who it is: the name in the token file. */
    String name() {
      return line.name();
    }

    /** Keeps what a page is to say; the number of it. */
    synchronized int say(Said sentence) {
      said.put(++sentences, sentence);
      said.remove(sentences - MOST_SAID);
      return sentences;
    }

    private synchronized @Nullable Said said(String number) {
      return said.entrySet().stream()
          .filter(entry -> entry.getKey().toString().equals(number))
          .map(Map.Entry::getValue)
          .findFirst()
          .orElse(null);
    }

    private boolean isOver(Instant now) {
      return !now.isBefore(since.plus(LONGEST)) || !now.isBefore(used.plus(IDLE));
    }
  }

  private final Tokens tokens;
  private final Clock clock;
  private final Can can;

  /** By the hash of the cookie's value, so that looking one up tells nothing by its time. */
  private final Map<String, Session> sessions =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Session> eldest) {
          return size() > MOST;
        }
      };

  Sessions(Tokens tokens, LoopRuntime runtime, Clock clock) {
    this.tokens = tokens;
    this.clock = clock;
    this.can = new Can(tokens.exist(), runtime.isThere());
  }

  /**
   * Begins a session, with a cookie that was never used before.
   *
   * @return the value of the header {@code Set-Cookie}
   */
  String begin(HttpExchange exchange, Tokens.Entry line) {
    String id = random();
    Instant now = clock.instant();
    synchronized (this) {
      sessions.values().removeIf(session -> session.isOver(now));
      sessions.put(Hashing.sha256(id), new Session(line, now));
    }
    return cookie(exchange, id);
  }

  /**
   * Ends the session of a request, if it has one.
   *
   * @return the value of the header {@code Set-Cookie}
   */
  String end(HttpExchange exchange) {
    id(exchange)
        .ifPresent(
            id -> {
              synchronized (this) {
                sessions.remove(Hashing.sha256(id));
              }
            });
    return cookie(exchange, "") + "; Max-Age=0";
  }

  /**
   * The session of a request; empty if it has none, or has one that is over.
   *
   * @throws Refusal 503 if the token file has become unreadable
   */
  Optional<Session> find(HttpExchange exchange) {
    Optional<String> id = id(exchange).map(Hashing::sha256);
    if (id.isEmpty()) {
      return Optional.empty();
    }
    Instant now = clock.instant();
    Session session;
    synchronized (this) {
      session = sessions.get(id.get());
    }
    if (session == null) {
      return Optional.empty();
    }
    if (session.isOver(now) || !tokens.has(session.line)) {
      synchronized (this) {
        sessions.remove(id.get());
      }
      return Optional.empty();
    }
    if (!isOfScript(exchange)) {
      session.used = now;
    }
    Caller.is(session.name());
    return Optional.of(session);
  }

  /** Whether a page that nobody may look at any more sends the request by itself. */
  private static boolean isOfScript(HttpExchange exchange) {
    return exchange.getRequestHeaders().getFirst(REFRESH) != null
        || exchange.getRequestURI().getPath().equals(News.PATH);
  }

  /** Who looks at a page; where the tokens cannot be read, nobody who may steer. */
  Viewer viewer(HttpExchange exchange) {
    Optional<Session> session;
    try {
      session = find(exchange);
    } catch (Refusal unreadable) {
      session = Optional.empty();
    }
    // Whoever logs in comes back by GET.
    String here =
        exchange.getRequestMethod().equals("POST") ? "/" : exchange.getRequestURI().toString();
    return session
        .map(
            known ->
                new Viewer(
                    can,
                    known.name(),
                    known.formKey,
                    number(exchange).map(known::said).orElse(null),
                    here))
        .orElseGet(() -> new Viewer(can, null, "", null, here));
  }

  private static Optional<String> number(HttpExchange exchange) {
    try {
      return Query.of(exchange).find(Viewer.SAID);
    } catch (Refusal malformed) {
      return Optional.empty(); // the page itself says so where it reads its query
    }
  }

  /**
   * Refuses a form that a page of another site has sent. Browsers say where a form comes from, and
   * no page can make them say otherwise.
   *
   * @throws Refusal 403
   */
  static void requireOwnPage(HttpExchange exchange) {
    String site = exchange.getRequestHeaders().getFirst("Sec-Fetch-Site");
    // Browsers leave the first out where the service is neither on this machine nor under TLS.
    boolean isOwn =
        site == null
            ? origin(exchange)
                .map(URI::getRawAuthority)
                .filter(from -> from.equals(exchange.getRequestHeaders().getFirst("Host")))
                .isPresent()
            : site.equals("same-origin");
    if (!isOwn) {
      throw new Refusal(
          403,
          "This form did not come from a page of this service, so nothing was done. Open the page"
              + " here, and press the button there.");
    }
  }

  /**
   * Refuses a form that was not made for this session.
   *
   * @param formKey as the form has it
   * @throws Refusal 403
   */
  static void requireOwnForm(Session session, Optional<String> formKey) {
    byte[] given = formKey.orElse("").getBytes(UTF_8);
    if (!MessageDigest.isEqual(session.formKey.getBytes(UTF_8), given)) {
      throw new Refusal(
          403,
          "This form belongs to another session, so nothing was done. Reload the page, and press"
              + " the button again.");
    }
  }

  /**
   * Cookies do not tell ports apart: each service of a machine has its own name for it, by the port
   * that the browser uses. A container's own port is the same in each.
   */
  private static String name(HttpExchange exchange) {
    String host = Objects.requireNonNullElse(exchange.getRequestHeaders().getFirst("Host"), "");
    Matcher port = PORT.matcher(host);
    return "retune_session_" + (port.find() ? port.group(1) : exchange.getLocalAddress().getPort());
  }

  private static String cookie(HttpExchange exchange, String id) {
    boolean isEncrypted =
        exchange instanceof HttpsExchange
            // A proxy in front of this service ends TLS.
            || origin(exchange).filter(from -> "https".equals(from.getScheme())).isPresent();
    return "%s=%s; Path=/; HttpOnly; SameSite=Strict%s"
        .formatted(name(exchange), id, isEncrypted ? "; Secure" : "");
  }

  private static Optional<URI> origin(HttpExchange exchange) {
    try {
      String origin = exchange.getRequestHeaders().getFirst("Origin");
      return origin == null ? Optional.empty() : Optional.of(new URI(origin));
    } catch (URISyntaxException malformed) {
      return Optional.empty();
    }
  }

  private static Optional<String> id(HttpExchange exchange) {
    String start = name(exchange) + "=";
    return Objects.requireNonNullElse(exchange.getRequestHeaders().get("Cookie"), List.<String>of())
        .stream()
        .flatMap(header -> Stream.of(header.split(";", -1)))
        .map(String::strip)
        .filter(cookie -> cookie.startsWith(start))
        .map(cookie -> cookie.substring(start.length()))
        .filter(id -> !id.isEmpty())
        .findFirst();
  }

  private static String random() {
    byte[] bytes = new byte[BYTES];
    RANDOM.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
