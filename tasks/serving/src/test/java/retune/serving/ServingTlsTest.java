package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import retune.runtime.http.Endpoint;
import retune.runtime.http.Tls;
import retune.serving.challenger.ServedChallenger;
import retune.serving.http.PredictionServer;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.QueryLog;
import retune.testing.TrustingClient;

/** The prediction service over HTTPS. */
class ServingTlsTest {
  @Test
  void theServiceAnswersOverHttps() throws Exception {
    Tls tls =
        Tls.of(
            TrustingClient.CERTIFICATE.toString(),
            TrustingClient.KEY.toString(),
            Clock.systemUTC());
    try (ServedModel served = new ServedModel();
        PredictionServer server =
            PredictionServer.start(
                new Endpoint("127.0.0.1", 0, tls),
                served,
                new ServingMetrics(),
                QueryLog.OFF,
                new ServedChallenger(new ServingMetrics().challenger()),
                List::of,
                Clock.systemUTC());
        HttpClient client = TrustingClient.open()) {
      assertTrue(server.address().startsWith("https://"), server.address());
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(server.address() + "/v2/health/live"))
              .timeout(Duration.ofMinutes(1))
              .build();
      assertEquals(200, client.send(request, BodyHandlers.ofString()).statusCode());
    }
  }
}
