package retune.steps.notification;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import tools.jackson.databind.json.JsonMapper;

/** Posts JSON to an address whose path may be a secret. */
final class JsonPost {
  private JsonPost() {}

  /**
   * Posts once and follows no redirect. The status decides; the response's body is not read.
   *
   * @param setting the name of the setting that the address comes from, for messages
   * @throws DeliveryException for every outcome but a 2xx status
   */
  static void send(String setting, String address, Object body) throws DeliveryException {
    URI uri = parse(setting, address);
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(Channel.DEADLINE)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(JsonMapper.shared().writeValueAsString(body)))
            .build();
    HttpClient client = HttpClient.newBuilder().connectTimeout(Channel.DEADLINE).build();
    try {
      int status = status(client, request);
      if (status / 100 != 2) {
        throw new DeliveryException(uri.getHost() + " answered " + status);
      }
    } catch (ExecutionException e) {
      throw new DeliveryException(
          "%s could not be reached (%s)"
              .formatted(
                  uri.getHost(), Objects.requireNonNull(e.getCause()).getClass().getSimpleName()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DeliveryException("interrupted while waiting for " + uri.getHost());
    } finally {
      client.shutdownNow(); // closing would wait for a body that may never end
    }
  }

  /** The status, as soon as the head of the response is there. */
  private static int status(HttpClient client, HttpRequest request)
      throws ExecutionException, InterruptedException {
    CompletableFuture<Integer> status = new CompletableFuture<>();
    CompletableFuture<Integer> wholeResponse =
        client
            .sendAsync(
                request,
                head -> {
                  status.complete(head.statusCode());
                  return BodySubscribers.discarding();
                })
            .thenApply(HttpResponse::statusCode);
    return (Integer) CompletableFuture.anyOf(status, wholeResponse).get();
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
