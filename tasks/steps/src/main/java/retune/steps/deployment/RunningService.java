package retune.steps.deployment;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import retune.core.InvalidInputException;
import retune.runtime.Json;
import retune.runtime.Settings;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The prediction service of a model, asked which version it answers with. */
final class RunningService {
  private static final String SETTING = "RETUNE_SERVING_URL";
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final long BETWEEN_LOOKS_MILLIS = 500;

  private final URI health;

  private RunningService(URI health) {
    this.health = health;
  }

  /**
   * The service that the setting names; {@code {model}} in it stands for the model's name.
   *
   * @throws InvalidInputException if the setting is no HTTP address
   */
  static Optional<RunningService> of(Settings settings, String model) {
    return settings.find(SETTING).map(url -> new RunningService(health(url, model)));
  }

  private static URI health(String url, String model) {
    try {
      URI address = URI.create(url.strip().replace("{model}", model).replaceFirst("/*$", ""));
      if (address.getHost() != null && String.valueOf(address.getScheme()).matches("https?")) {
        return URI.create(address + "/health");
      }
    } catch (IllegalArgumentException e) {
      // Its message would show the address, which may contain a password.
    }
    throw new InvalidInputException(
        SETTING + " is not an http or https address; set it to such as http://serving:8090.");
  }

  /**
   * Waits until the service answers with the version.
   *
   * @throws InvalidInputException if it does not within that time; its message says what the
   *     service answers instead
   */
  void awaitVersion(String modelId, int seconds) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(PATIENCE).build()) {
      String answer = ask(client, modelId);
      while (!answer.isEmpty()) {
        if (System.nanoTime() >= end) {
          throw new InvalidInputException(
              "After %d s, the service on %s %s.".formatted(seconds, health.getHost(), answer));
        }
        Thread.sleep(BETWEEN_LOOKS_MILLIS);
        answer = ask(client, modelId);
      }
    }
  }

  /** What the service does instead of answering with the version; empty if it does. */
  private String ask(HttpClient client, String modelId) throws InterruptedException {
    JsonNode answer;
    try {
      HttpRequest request = HttpRequest.newBuilder(health).timeout(PATIENCE).build();
      HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
      answer = Json.MAPPER.readTree(response.body());
    } catch (IOException e) {
      return "cannot be reached (" + e.getClass().getSimpleName() + ")";
    } catch (JacksonException e) {
      return "does not answer with JSON at " + health.getPath();
    }
    String loaded = answer.path("model_id").asString("no version");
    if (loaded.equals(modelId)) {
      return "";
    }
    String warning = answer.path("warning").asString("");
    return "answers with " + loaded + (warning.isEmpty() ? "" : " and warns: " + warning);
  }
}
