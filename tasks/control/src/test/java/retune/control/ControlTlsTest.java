package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.testing.TestStore;
import retune.testing.TrustingClient;

/** The control service over HTTPS. */
class ControlTlsTest {
  private static final String TOKEN = "0123456789abcdefghijklmn";

  @TempDir Path folder;

  @Test
  void aSessionsCookieIsForHttpsAlone() throws Exception {
    Path tokens = Files.writeString(folder.resolve("tokens"), "ops " + TOKEN + "\n");
    try (TestStore store = TestStore.open();
        ControlServer server =
            ControlServer.start(
                new Control.Input(
                    "127.0.0.1",
                    0,
                    null,
                    tokens.toString(),
                    Control.Reading.OPEN,
                    TrustingClient.CERTIFICATE.toString(),
                    TrustingClient.KEY.toString()),
                store.context());
        HttpClient client = TrustingClient.open()) {
      assertTrue(server.address().startsWith("https://"), server.address());

      HttpResponse<String> answer =
          client.send(
              HttpRequest.newBuilder(URI.create(server.address() + "/login"))
                  .timeout(Duration.ofMinutes(1))
                  .header("Sec-Fetch-Site", "same-origin")
                  .header("Content-Type", "application/x-www-form-urlencoded")
                  .POST(BodyPublishers.ofString("name=ops&token=" + TOKEN))
                  .build(),
              BodyHandlers.ofString());

      assertEquals(303, answer.statusCode(), answer.body());
      String cookie = answer.headers().firstValue("Set-Cookie").orElse("");
      assertTrue(cookie.endsWith("; Secure"), cookie);
    }
  }
}
