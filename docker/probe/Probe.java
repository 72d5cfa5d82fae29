import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;

/**
 * Checks a service from within a container, as images have no shell: {@code java -cp /opt/probe
 * Probe ADDRESS [BODY]}. Exits with 0 if {@code tcp://HOST:PORT} accepts a connection or {@code
 * http://HOST:PORT/PATH} answers with a status below 400, and prints the answer; exits with 1
 * otherwise. With BODY, a second address, it posts the answer of that address.
 */
final class Probe {
  private static final int TIMEOUT_MILLIS = 4_000;

  private Probe() {}

  public static void main(String[] words) throws IOException {
    URI address = URI.create(words[0]);
    if (address.getScheme().equals("tcp")) {
      try (Socket socket = new Socket()) {
        socket.connect(
            new InetSocketAddress(address.getHost(), address.getPort()), TIMEOUT_MILLIS);
      }
      return;
    }
    byte[] body = words.length > 1 ? answer(URI.create(words[1]), new byte[0]) : new byte[0];
    System.out.write(answer(address, body));
    System.out.println();
  }

  /** Sends a GET, or a POST if there is a body. An error status is an exception. */
  private static byte[] answer(URI address, byte[] body) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) address.toURL().openConnection();
    connection.setConnectTimeout(TIMEOUT_MILLIS);
    connection.setReadTimeout(TIMEOUT_MILLIS);
    if (body.length > 0) {
      connection.setDoOutput(true);
      connection.setRequestProperty("Content-Type", "application/json");
      try (OutputStream out = connection.getOutputStream()) {
        out.write(body);
      }
    }
    try (InputStream in = connection.getInputStream()) {
      return in.readAllBytes();
    }
  }
}
