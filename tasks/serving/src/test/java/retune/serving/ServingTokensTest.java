package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.runtime.http.Endpoint;
import retune.runtime.http.RateLimit;
import retune.runtime.http.Tokens;
import retune.serving.challenger.ServedChallenger;
import retune.serving.http.PredictionServer;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.QueryLog;

/** A prediction service for those who have a token. It has no model yet, which it says by 503. */
class ServingTokensTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";

  private static final Clock STILL = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

  @TempDir Path folder;

  @Test
  void requestsAreLimitedForEachOwnerOfAToken() throws Exception {
    String other = "another-token-of-good-length";
    Path file =
        Files.writeString(folder.resolve("tokens"), "shop %s\nnight %s\n".formatted(TOKEN, other));
    try (ServedModel served = new ServedModel();
        PredictionServer server = start(served, new Tokens(file, STILL), new RateLimit(3, STILL));
        HttpClient client = HttpClient.newHttpClient()) {
      for (int i = 0; i < 3; i++) {
        assertEquals(503, post(client, server, "/predict", "Bearer " + TOKEN).statusCode());
      }
      HttpResponse<String> refused = post(client, server, "/predict", "Bearer " + TOKEN);
      assertEquals(429, refused.statusCode());
      assertTrue(
          refused.body().contains("shop made more than 3 requests a minute; try again in 20 s."),
          refused.body());
      assertEquals("20", refused.headers().firstValue("Retry-After").orElse(""));
      assertEquals(503, post(client, server, "/predict", "Bearer " + other).statusCode());
      assertEquals(200, get(client, server, "/v2/health/live").statusCode(), "a probe");
      assertTrue(
          get(client, server, "/metrics").body().contains("retune_serving_rate_limited_total 1.0"));
    }
  }

  @Test
  void withoutTokensRequestsAreLimitedForEachAddress() throws Exception {
    try (ServedModel served = new ServedModel();
        PredictionServer server = start(served, null, new RateLimit(1, STILL));
        HttpClient client = HttpClient.newHttpClient()) {
      assertEquals(503, post(client, server, "/predict", "").statusCode());
      HttpResponse<String> refused = post(client, server, "/predict", "");
      assertEquals(429, refused.statusCode());
      assertTrue(
          refused.body().contains("127.0.0.1 made more than 1 requests a minute"), refused.body());
    }
  }

  @Test
  void predictionsNeedATokenAndProbesDoNot() throws Exception {
    Path file = Files.writeString(folder.resolve("tokens"), "shop " + TOKEN + "\n");
    try (ServedModel served = new ServedModel();
        PredictionServer server = start(served, new Tokens(file, STILL), null);
        HttpClient client = HttpClient.newHttpClient()) {
      for (String path : List.of("/predict", "/batch_predict", "/v2/models/credit/infer")) {
        HttpResponse<String> refused = post(client, server, path, "");
        assertEquals(401, refused.statusCode(), path);
        assertTrue(refused.body().contains("Authorization: Bearer TOKEN"), refused.body());
        assertEquals(401, post(client, server, path, "Bearer wrong").statusCode(), path);
        assertEquals(503, post(client, server, path, "Bearer " + TOKEN).statusCode(), path);
      }
      List<Integer> wrong = new ArrayList<>();
      for (int i = 0; i <= Tokens.MOST_WRONG; i++) {
        wrong.add(post(client, server, "/predict", "Bearer wrong").statusCode());
      }
      assertTrue(wrong.contains(429), "wrong ones are few: " + wrong);
      assertEquals(
          503,
          post(client, server, "/predict", "Bearer " + TOKEN).statusCode(),
          "a right one always passes, whatever others do behind the same address");
      for (String path : List.of("/example", "/openapi.json", "/v2/models/credit")) {
        assertEquals(401, get(client, server, path).statusCode(), path);
      }
      assertEquals(200, get(client, server, "/v2/health/live").statusCode());
      assertEquals(503, get(client, server, "/health").statusCode(), "no model yet");
      HttpResponse<String> scraped = get(client, server, "/metrics");
      assertEquals(200, scraped.statusCode());
      assertFalse(scraped.body().contains(TOKEN), "no metric has a token");
    }
  }

  private static PredictionServer start(
      ServedModel served, @Nullable Tokens tokens, @Nullable RateLimit rate) throws IOException {
    ServingMetrics metrics = new ServingMetrics();
    return PredictionServer.start(
        new Endpoint("127.0.0.1", 0, null, tokens, rate, false),
        served,
        metrics,
        QueryLog.OFF,
        new ServedChallenger(metrics.challenger()),
        List::of,
        STILL);
  }

  private static HttpResponse<String> post(
      HttpClient client, PredictionServer server, String path, String authorization)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        request(server, path).POST(BodyPublishers.ofString("{\"features\": {}}"));
    if (!authorization.isEmpty()) {
      request.header("Authorization", authorization);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private static HttpResponse<String> get(HttpClient client, PredictionServer server, String path)
      throws IOException, InterruptedException {
    return client.send(request(server, path).GET().build(), BodyHandlers.ofString());
  }

  private static HttpRequest.Builder request(PredictionServer server, String path) {
    return HttpRequest.newBuilder(URI.create(server.address() + path))
        .timeout(Duration.ofMinutes(1));
  }
}
