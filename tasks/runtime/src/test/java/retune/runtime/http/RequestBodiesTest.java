package retune.runtime.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestBodiesTest {
  /** A sixteenth of it holds one piece of 64 KiB and a half. */
  private static final long HEAP = 16 * 3 * (1 << 15);

  @ParameterizedTest
  @CsvSource({"0, 200", "65536, 200", "65537, 413", "90000, 413"})
  void aBodyThatNeverFitsIsTooLargeInsteadOfToBeTriedAgain(int bytes, int status) throws Exception {
    try (HttpService service = start();
        HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(service.address()))
              .POST(BodyPublishers.ofByteArray(new byte[bytes]))
              .build();
      assertEquals(status, client.send(request, BodyHandlers.discarding()).statusCode());
    }
  }

  /** A client that announces 1 GB and sends nothing has its answer at once. */
  @Test
  void aBodyThatAnnouncesTooMuchIsRefusedWithoutBeingRead() throws Exception {
    try (HttpService service = start();
        Socket socket =
            new Socket(InetAddress.getLoopbackAddress(), URI.create(service.address()).getPort())) {
      socket.setSoTimeout(10_000); // less than the server waits for a body
      socket
          .getOutputStream()
          .write(ascii("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n"));

      String first = firstLine(socket);

      assertTrue(first.startsWith("HTTP/1.1 413"), first);
    }
  }

  /** A client that streams a body without a length, and never ends it. */
  @Test
  void aBodyWithoutAnEndIsCutAtTheLimit() throws Exception {
    try (HttpService service = start();
        Socket socket =
            new Socket(InetAddress.getLoopbackAddress(), URI.create(service.address()).getPort())) {
      CompletableFuture<String> first = CompletableFuture.supplyAsync(() -> firstLine(socket));
      OutputStream out = socket.getOutputStream();
      out.write(ascii("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
      byte[] chunk = ascii("10000\r\n" + "x".repeat(0x10000) + "\r\n");
      long sent = 0;
      try {
        while (sent < 1L << 30) {
          out.write(chunk);
          sent += chunk.length;
        }
      } catch (IOException cut) {
        // as it should be
      }

      assertTrue(sent < 64 << 20, "cut after " + sent + " bytes");
      assertTrue(first.get().startsWith("HTTP/1.1 413"), first.get());
    }
  }

  /** A service that answers a body with its length. */
  private static HttpService start() throws IOException {
    RequestBodies bodies = new RequestBodies(HEAP, 8 << 20, "send less");
    return HttpService.start(
        new Endpoint("127.0.0.1", 0, null),
        List.of(
            Route.post(
                "/",
                Route.OTHER,
                (exchange, _) -> bodies.read(exchange, body -> Answer.json(body.length)))),
        new HttpService.Around() {},
        Clock.systemUTC());
  }

  private static String firstLine(Socket socket) {
    try {
      return new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
          .readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
