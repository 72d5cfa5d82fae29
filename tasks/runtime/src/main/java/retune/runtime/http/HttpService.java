package retune.runtime.http;

import com.sun.management.UnixOperatingSystemMXBean;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.management.ManagementFactory;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import retune.core.InvalidInputException;

/** An HTTP server: accepts requests, routes them, sends the answers and drains at the end. */
public final class HttpService implements AutoCloseable {
  private static final Logger LOG = System.getLogger(HttpService.class.getName());

  /** Time-out of in-flight requests when the server closes. */
  private static final int IN_FLIGHT_SECONDS = 10;

  /** Connections that wait to be accepted; with the JDK's 50, those of a burst wait a second. */
  private static final int BACKLOG = 4096;

  /** Share of the heap for requests whose headers come or that are at work. */
  private static final int SHARE_OF_HEAP = 4;

  /** What such a request takes at most: buffers, headers as bytes and as text. */
  private static final int REQUEST_BYTES = 1 << 16;

  private static final int HEADER_BYTES = 1 << 14;

  /** Files that are no connections: the store's sockets, models, the log, the class path. */
  private static final int OTHER_FILES = 512;

  static {
    // The JDK reads these when it loads the server's classes: send small answers at once, cut off
    // clients that send a byte a second, and forget clients that left before their answer.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.getProperties().putIfAbsent("sun.net.httpserver.maxReqTime", "15"); // seconds
    System.setProperty("sun.net.httpserver.maxRspTime", "60");
    System.setProperty("sun.net.httpserver.maxReqHeaderSize", Integer.toString(HEADER_BYTES));
    // A process that may open no more files could not load the next champion.
    String most = Integer.toString(mostConnections());
    System.setProperty("jdk.httpserver.maxConnections", most);
    // Of more idle ones than 200 the JDK would close each after its answer, without a word before.
    System.setProperty("sun.net.httpserver.maxIdleConnections", most);
  }

  private static int mostConnections() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
        ? Math.clamp(
            unix.getMaxFileDescriptorCount() - OTHER_FILES, OTHER_FILES / 8, Integer.MAX_VALUE)
        : Integer.MAX_VALUE;
  }

  /** What a service does around each request; nothing unless it says. */
  public interface Around {
    /** A connection is closed before its request is read, because there is no place for it. */
    default void refused() {}

    /**
     * Before the request is routed: may set headers of the response.
     *
     * @throws Refusal if the request is not answered
     */
    default void begins(HttpExchange exchange) {}

    /**
     * After the answer is sent, or could not be.
     *
     * @param route the route's path as declared; {@link Route#OTHER} if there is none
     * @param label the route's label
     * @param nanoseconds since the request's headers
     */
    default void ended(
        HttpExchange exchange, String route, String label, int status, long nanoseconds) {}
  }

  private final HttpServer server;
  private final Router router;
  private final Around around;
  private final Clock clock;
  private final boolean logsAccess;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();

  /** Places of requests, from the first byte of their headers to the end of their answers. */
  private final Semaphore places;

  private final RateLimit warnings;
  private final AtomicInteger inFlight = new AtomicInteger();
  private volatile boolean draining;

  private HttpService(
      HttpServer server,
      Router router,
      Around around,
      Clock clock,
      boolean logsAccess,
      int mostRequests) {
    this.server = server;
    this.router = router;
    this.around = around;
    this.clock = clock;
    this.logsAccess = logsAccess;
    this.places = new Semaphore(mostRequests);
    this.warnings = new RateLimit(1, clock);
  }

  /**
   * Starts to accept requests.
   *
   * @throws InvalidInputException if the address is in use or belongs to another machine
   */
  public static HttpService start(Endpoint endpoint, List<Route> routes, Around around, Clock clock)
      throws IOException {
    long most = Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP / REQUEST_BYTES;
    return start(endpoint, routes, around, clock, Math.clamp(most, 1, Integer.MAX_VALUE));
  }

  /** The same, for so many requests at once. */
  static HttpService start(
      Endpoint endpoint, List<Route> routes, Around around, Clock clock, int mostRequests)
      throws IOException {
    String host = endpoint.host();
    int port = endpoint.port();
    Tls tls = endpoint.tls();
    InetSocketAddress address = new InetSocketAddress(host, port);
    if (address.isUnresolved()) {
      throw new InvalidInputException(
          "The host '%s' cannot be resolved; set --host to an address of this machine."
              .formatted(host));
    }
    HttpServer http;
    try {
      http = tls == null ? HttpServer.create(address, BACKLOG) : secured(address, tls);
    } catch (BindException e) {
      throw new InvalidInputException(cannotListen(host, port, String.valueOf(e.getMessage())), e);
    }
    HttpService service =
        new HttpService(
            http, new Router(routes), around, clock, endpoint.logsAccess(), mostRequests);
    http.setExecutor(service::begin);
    http.createContext("/", service::handle);
    http.start();
    return service;
  }

  private static HttpServer secured(InetSocketAddress address, Tls tls) throws IOException {
    HttpsServer https = HttpsServer.create(address, BACKLOG);
    https.setHttpsConfigurator(tls.configurator());
    return https;
  }

  private static String cannotListen(String host, int port, String reason) {
    return reason.contains("in use")
        ? "Port %d on %s is already in use; choose another one with --port (0 takes any free port)."
            .formatted(port, host)
        : "The service cannot listen on %s, port %d: %s. Change --host or --port."
            .formatted(host, port, reason);
  }

  /** The address of the service: {@code http://127.0.0.1:8090}. */
  public String address() {
    InetSocketAddress address = server.getAddress();
    return "%s://%s:%d"
        .formatted(
            server instanceof HttpsServer ? "https" : "http",
            address.getAddress().getHostAddress(),
            address.getPort());
  }

  /** Keeps answering, but asks clients to close their connections. */
  public void drain() {
    draining = true;
  }

  /** Stops accepting requests and completes those in flight. */
  @Override
  public void close() {
    drain();
    // HttpServer.stop also waits for requests whose clients have left; our counter knows better.
    Thread stopping = Thread.ofPlatform().start(() -> server.stop(IN_FLIGHT_SECONDS));
    try {
      for (int idle = 0; idle < 2 && !stopping.join(Duration.ofMillis(50)); ) {
        idle = inFlight.get() == 0 ? idle + 1 : 0;
      }
      stopping.interrupt();
      stopping.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    executor.shutdownNow();
  }

  /** Requests that can begin now. */
  int freePlaces() {
    return places.availablePermits();
  }

  /**
   * Reads and answers a request, which begins with its headers. The server closes its connection
   * where there is no place: clients that send their headers slowly must not use up the heap.
   */
  private void begin(Runnable request) {
    if (!places.tryAcquire()) {
      around.refused();
      if (warnings.secondsToWait("") == 0) {
        LOG.log(Level.WARNING, "Too many requests at once; further connections are closed.");
      }
      throw new RejectedExecutionException();
    }
    try {
      executor.execute(
          () -> {
            try {
              request.run();
            } finally {
              places.release();
            }
          });
    } catch (RejectedExecutionException | Error notBegun) {
      places.release();
      throw notBegun;
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    long start = System.nanoTime();
    String path = Route.OTHER;
    String label = Route.OTHER;
    Answer answer;
    inFlight.incrementAndGet();
    try (exchange) {
      try {
        around.begins(exchange);
        Router.Match match = router.find(exchange);
        path = match.route().path();
        label = match.route().label();
        answer = match.answer(exchange);
      } catch (Refusal refusal) {
        answer = refusal.answer(now());
      } catch (IOException e) {
        answer =
            Answer.problem(
                400, "The request body is incomplete or malformed; send it whole.", now());
      } catch (RuntimeException | Error e) {
        LOG.log(Level.ERROR, "A request to '" + path + "' failed: " + e, e);
        answer = Answer.problem(500, "The request failed; see the log of the service.", now());
      }
      try {
        send(exchange, answer);
      } finally {
        long nanoseconds = System.nanoTime() - start;
        around.ended(exchange, path, label, answer.status(), nanoseconds);
        if (logsAccess) {
          AccessLog.log(exchange, answer, nanoseconds);
        }
        Caller.forget();
      }
    } finally {
      inFlight.decrementAndGet();
    }
  }

  private void send(HttpExchange exchange, Answer answer) throws IOException {
    if (exchange.getResponseCode() >= 0) {
      return; // the route has sent it piece by piece
    }
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", answer.contentType());
    answer.headers().forEach(headers::set);
    if (answer.status() == 503) {
      headers.set("Retry-After", "1");
    }
    if (draining) {
      headers.set("Connection", "close");
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      headers.set("Content-Length", Integer.toString(answer.body().length));
      exchange.sendResponseHeaders(answer.status(), -1);
      return;
    }
    exchange.sendResponseHeaders(
        answer.status(), answer.body().length == 0 ? -1 : answer.body().length);
    // Closed here: closing the exchange would first wait for the rest of the request.
    try (OutputStream body = exchange.getResponseBody()) {
      body.write(answer.body());
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS);
  }
}
