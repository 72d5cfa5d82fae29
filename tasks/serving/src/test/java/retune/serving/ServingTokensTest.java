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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.runtime.http.Endpoint;
import retune.runtime.http.Tokens;
import retune.serving.challenger.ServedChallenger;
import retune.serving.http.PredictionServer;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.QueryLog;

/** A prediction service for those who have a token. It has no model yet, which it says by 503. */
class ServingTokensTest {
  private static final String TOKEN = "0123456789abcdefghijklmnop";

  @TempDir Path folder;

  @Test
  void predictionsNeedATokenAndProbesDoNot() throws Exception {
    Path file = Files.writeString(folder.resolve("tokens"), "shop " + TOKEN + "\n");
    ServingMetrics metrics = new ServingMetrics();
    try (ServedModel served = new ServedModel();
        PredictionServer server =
            PredictionServer.start(
                new Endpoint(
                    "127.0.0.1",
                    0,
                    null,
                    new Tokens(file, Clock.fixed(Instant.EPOCH, ZoneOffset.UTC)),
                    false),
                served,
                metrics,
                QueryLog.OFF,
                new ServedChallenger(metrics.challenger()),
                List::of,
                Clock.systemUTC());
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
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
