package retune.control;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.Json;
import retune.runtime.Settings;
import retune.runtime.http.Refusal;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Airflow's REST API, version 2. Its token is fetched when it is needed, and again when it has
 * expired.
 */
final class AirflowApi implements AutoCloseable {
  private static final String URL = "RETUNE_AIRFLOW_URL";
  private static final String USER = "RETUNE_AIRFLOW_USER";
  private static final String PASSWORD = "RETUNE_AIRFLOW_PASSWORD";
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final int LONGEST_DETAIL = 200;

  /** Airflow's answer to a call. */
  record Reply(int status, JsonNode body) {
    boolean isSuccess() {
      return status / 100 == 2;
    }

    /** What Airflow says is wrong, in its own words. */
    String detail() {
      JsonNode detail = body.path("detail");
      String text = detail.isString() ? detail.stringValue() : detail.toString();
      return text.length() <= LONGEST_DETAIL ? text : text.substring(0, LONGEST_DETAIL) + " …";
    }
  }

  /** The time that is left for the calls of a thread; each call has its time-out besides. */
  private static final ScopedValue<Supplier<Duration>> LEFT = ScopedValue.newInstance();

  private final String url;
  private final String shown;
  private final Map<String, String> login;
  private final Supplier<Duration> patience;
  private final HttpClient client;
  private volatile @Nullable String token;

  private AirflowApi(String url, Map<String, String> login, Supplier<Duration> patience) {
    this.url = url;
    this.login = login;
    this.shown = URI.create(url).getAuthority();
    this.patience = patience;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(patience.get())
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
  }

  /** Whether the settings name an Airflow. */
  static boolean isConfigured(Settings settings) {
    return settings.secret(URL).isPresent();
  }

  /**
   * The API that the settings name.
   *
   * @throws InvalidInputException if they name none, or half of a login
   */
  static AirflowApi of(Settings settings) {
    return of(settings, () -> PATIENCE);
  }

  /** The same, with another time-out, which each call asks for. */
  static AirflowApi of(Settings settings, Supplier<Duration> patience) {
    String url =
        settings
            .secret(URL)
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        URL
                            + " is not set; set it to Airflow's address, such as"
                            + " http://127.0.0.1:8080."));
    requireAddress(url);
    Optional<String> user = settings.find(USER);
    Optional<String> password = settings.secret(PASSWORD);
    if (user.isPresent() != password.isPresent()) {
      throw new InvalidInputException(
          "Of %s and %s only one is set; set both, or none for an Airflow without a login."
              .formatted(USER, PASSWORD));
    }
    Map<String, String> login = new LinkedHashMap<>();
    user.ifPresent(name -> login.put("username", name));
    password.ifPresent(secret -> login.put("password", secret));
    return new AirflowApi(url.replaceFirst("/+$", ""), login, patience);
  }

  private static void requireAddress(String url) {
    try {
      URI uri = URI.create(url);
      if (uri.getHost() != null
          && uri.getUserInfo() == null
          && String.valueOf(uri.getScheme()).matches("https?")) {
        return;
      }
    } catch (IllegalArgumentException e) {
      // Its message would show the address.
    }
    throw new InvalidInputException(
        URL
            + " is not an http or https address without a user; give user and password in "
            + USER
            + " and "
            + PASSWORD
            + ".");
  }

  /** The address of a page of Airflow's UI. */
  String page(String path) {
    return url + path;
  }

  /** A segment of a path. */
  static String segment(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /**
   * Does work whose calls end when no time is left, however slow Airflow is.
   *
   * @param left asked before each call
   */
  static <T> T within(Supplier<Duration> left, ScopedValue.CallableOp<T, InterruptedException> work)
      throws InterruptedException {
    return ScopedValue.where(LEFT, left).call(work);
  }

  /** A call that must succeed. */
  JsonNode get(String path) throws InterruptedException {
    return required(call("GET", path, null));
  }

  /** The body of a reply that must be a success. */
  JsonNode required(Reply reply) {
    if (!reply.isSuccess()) {
      throw new Refusal(
          502, "Airflow at %s answered %d: %s".formatted(shown, reply.status, reply.detail()));
    }
    return reply.body;
  }

  /**
   * Calls the API.
   *
   * @param body null for none
   * @throws Refusal 502 if Airflow does not answer or refuses the login
   */
  Reply call(String method, String path, @Nullable Object body) throws InterruptedException {
    String known = token;
    Reply reply = send(method, "/api/v2" + path, body, known == null ? logIn() : known);
    if (reply.status == 401) {
      reply = send(method, "/api/v2" + path, body, logIn());
    }
    if (reply.status == 401 || reply.status == 403) {
      throw new Refusal(
          502,
          "Airflow at %s refused this service (%d); check %s and the user's roles."
              .formatted(shown, reply.status, USER));
    }
    return reply;
  }

  private String logIn() throws InterruptedException {
    Reply reply =
        login.isEmpty()
            ? send("GET", "/auth/token", null, null)
            : send("POST", "/auth/token", login, null);
    JsonNode fresh = reply.body.path("access_token");
    if (!reply.isSuccess() || !fresh.isString()) {
      throw new Refusal(
          502,
          "Airflow at %s refused the login (%d); check %s and %s."
              .formatted(shown, reply.status, USER, PASSWORD));
    }
    token = fresh.stringValue();
    return fresh.stringValue();
  }

  private Reply send(String method, String path, @Nullable Object body, @Nullable String bearer)
      throws InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url + path))
            .header("Accept", "application/json")
            .method(
                method,
                body == null
                    ? BodyPublishers.noBody()
                    : BodyPublishers.ofByteArray(Json.MAPPER.writeValueAsBytes(body)));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (bearer != null) {
      request.header("Authorization", "Bearer " + bearer);
    }
    long milliseconds = Math.max(1, timeOut().toMillis());
    // The client's own time-out ends with the headers: a body that never comes would wait for ever.
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(request.build(), BodyHandlers.ofByteArray());
    try {
      HttpResponse<byte[]> response = answer.get(milliseconds, TimeUnit.MILLISECONDS);
      return new Reply(response.statusCode(), json(response.body()));
    } catch (TimeoutException e) {
      throw noAnswer("no whole answer within %d s".formatted(Math.ceilDiv(milliseconds, 1000)));
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw noAnswer(cause.getClass().getSimpleName());
    } finally {
      answer.cancel(true);
    }
  }

  private Duration timeOut() {
    Duration most = patience.get();
    Duration left = LEFT.orElse(() -> most).get();
    return left.compareTo(most) < 0 ? left : most;
  }

  private Refusal noAnswer(String reason) {
    return new Refusal(
        502,
        "Airflow at %s does not answer (%s); check that it runs, and %s."
            .formatted(shown, reason, URL));
  }

  private static JsonNode json(byte[] body) {
    try {
      JsonNode parsed = body.length == 0 ? null : Json.MAPPER.readTree(body);
      return parsed == null ? Json.MAPPER.createObjectNode() : parsed;
    } catch (JacksonException notJson) {
      return Json.MAPPER.createObjectNode();
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
