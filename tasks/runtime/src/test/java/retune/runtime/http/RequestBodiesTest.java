package retune.runtime.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;
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

  /** A client that announces 1 GB and sends nothing has its answer at once. */
  @Test
  void aBodyThatAnnouncesTooMuchIsRefusedWithoutBeingRead() throws Exception {
    RequestBodies bodies = new RequestBodies(HEAP, 8 << 20, "send less");
    Route route =
        Route.post(
            "/",
            Route.OTHER,
            (exchange, _) -> bodies.read(exchange, body -> Answer.json(body.length)));
    try (HttpService service =
            HttpService.start(
                new Endpoint("127.0.0.1", 0, null),
                List.of(route),
                new HttpService.Around() {},
                Clock.systemUTC());
        Socket socket =
            new Socket(InetAddress.getLoopbackAddress(), URI.create(service.address()).getPort())) {
      socket.setSoTimeout(10_000); // less than the server waits for a body
      socket
          .getOutputStream()
          .write(
              "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1073741824\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));

      String first =
          new BufferedReader(
                  new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
              .readLine();

      assertTrue(first.startsWith("HTTP/1.1 413"), first);
    }
  }
}
