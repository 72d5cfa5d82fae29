package retune.runtime.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestBodiesTest {
  /** A sixteenth of it holds one piece of 64 KiB and a half. */
  private static final long HEAP = 16 * 3 * (1 << 15);

  @ParameterizedTest
  @CsvSource({"0, 200", "65536, 200", "65537, 413", "90000, 413"})
  void aBodyThatNeverFitsIsTooLargeInsteadOfToBeTriedAgain(int bytes, int status) throws Exception {
    RequestBodies bodies = new RequestBodies(HEAP, 8 << 20, "send less");
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          int answer;
          try {
            answer = bodies.read(exchange, body -> 200);
          } catch (Refusal refusal) {
            answer = refusal.status();
          }
          exchange.sendResponseHeaders(answer, -1);
          exchange.close();
        });
    server.start();
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI address = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
      HttpRequest request =
          HttpRequest.newBuilder(address).POST(BodyPublishers.ofByteArray(new byte[bytes])).build();
      assertEquals(status, client.send(request, BodyHandlers.discarding()).statusCode());
    } finally {
      server.stop(0);
    }
  }
}
