package retune.steps.notification;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import tools.jackson.databind.json.JsonMapper;

/** JSON sent to an address whose path may be a secret. */
final class JsonPost {
  private JsonPost() {}

  /**
   * Posts once and follows no redirect.
   *
   * @param setting the name of the setting that the address comes from, for messages
   * @throws DeliveryException for every outcome but an answer of 2xx in time
   */
  static void send(String setting, String address, Object body) throws DeliveryException {
    URI uri = parse(setting, address);
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(Channel.PATIENCE)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(JsonMapper.shared().writeValueAsString(body)))
            .build();
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(Channel.PATIENCE).build()) {
      HttpResponse<Void> response = client.send(request, BodyHandlers.discarding());
      if (response.statusCode() / 100 != 2) {
        throw new DeliveryException(uri.getHost() + " answered " + response.statusCode());
      }
    } catch (IOException e) {
      throw new DeliveryException(
          "%s could not be reached (%s)".formatted(uri.getHost(), e.getClass().getSimpleName()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DeliveryException("interrupted while waiting for " + uri.getHost());
    }
  }

  private static URI parse(String setting, String address) throws DeliveryException {
    try {
      URI uri = URI.create(address.strip());
      if (uri.getHost() != null && String.valueOf(uri.getScheme()).matches("https?")) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Its message would show the address.
    }
    throw new DeliveryException(setting + " is not an http or https address");
  }
}
