package retune.runtime.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Connections that say little, and too many of them. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class ConnectionsTest {
  private static final String ASKED = "GET /file HTTP/1.1\r\nHost: a\r\n\r\n";

  /** Too few for the connections of a test, and enough for a JVM. */
  private static final int FILES = 600;

  @Test
  void aSenderOfSlowHeadersTakesOnePlaceAndNoMore() throws Exception {
    try (HttpService service = start(2)) {
      try (Socket slow = begun(service, "GET /file HTTP/1.1\r\nHost: ");
          Socket slower = begun(service, "G")) {
        awaitFree(0, service);
        try (Socket third = begun(service, ASKED)) {
          assertEquals("", firstLine(third), "closed, because there is no place");
        }
        slow.getOutputStream().write("a\r\n\r\n".getBytes(US_ASCII));
        assertEquals("HTTP/1.1 200 OK", firstLine(slow));
        awaitFree(1, service);
        try (Socket after = begun(service, ASKED)) {
          assertEquals("HTTP/1.1 200 OK", firstLine(after), "the place is free again");
        }
        slower.getOutputStream().write("ET /file HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(US_ASCII));
        assertEquals("HTTP/1.1 200 OK", firstLine(slower), "nobody has cut the other");
      }
    }
  }

  @Test
  void headersThatNeverEndAreCut() throws Exception {
    try (HttpService service = start(2);
        Socket socket = begun(service, "GET /file HTTP/1.1\r\nX: " + "x".repeat(20_000))) {
      assertEquals("", firstLine(socket));
    }
  }

  /** Pooled clients keep their connections; the JDK would close those beyond 200. */
  @Test
  void connectionsThatHadAnAnswerStayOpen() throws Exception {
    List<Socket> open = new ArrayList<>();
    try (HttpService service = start(100)) {
      for (int i = 0; i < 210; i++) {
        open.add(begun(service, ASKED));
        assertEquals("HTTP/1.1 200 OK", firstLine(open.getLast()));
      }
      String last = ASKED.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
      open.getLast().getOutputStream().write(last.getBytes(US_ASCII));
      String rest = new String(open.getLast().getInputStream().readAllBytes(), US_ASCII);
      assertTrue(rest.contains("HTTP/1.1 200 OK"), rest);
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  /** A process that may open few files keeps some for itself, however many connect. */
  @Test
  void connectionsLeaveFilesForTheService() throws Exception {
    Process process = service("ulimit -n " + FILES, "-XX:TieredStopAtLevel=1");
    List<Socket> open = new ArrayList<>();
    try (BufferedReader said =
        new BufferedReader(new InputStreamReader(process.getInputStream(), US_ASCII))) {
      int port = Integer.parseInt(said.readLine());
      for (int i = 0; i < FILES; i++) {
        open.add(begun(port, i == 0 ? ASKED : ""));
      }

      assertEquals("HTTP/1.1 200 OK", firstLine(open.getFirst()), "it has opened a file");
      assertEquals("", firstLine(open.getLast()), "closed, because there are too many");
    } finally {
      end(process, open);
    }
  }

  /** In a process of its own, where a request may take a second instead of 15. */
  @Test
  void aRequestThatComesTooSlowlyIsCut() throws Exception {
    Process process = service(":", "-Dsun.net.httpserver.maxReqTime=1");
    List<Socket> open = new ArrayList<>();
    try (BufferedReader said =
        new BufferedReader(new InputStreamReader(process.getInputStream(), US_ASCII))) {
      int port = Integer.parseInt(said.readLine());
      for (String beginning :
          List.of(
              "GET /file HTTP/1.1\r\nHost: ",
              "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
              "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")) {
        open.add(begun(port, beginning));
      }
      for (Socket socket : open) {
        assertEquals("", firstLine(socket));
      }
    } finally {
      end(process, open);
    }
  }

  private static void end(Process process, List<Socket> open) throws IOException {
    process.destroyForcibly().onExit().join();
    for (Socket socket : open) {
      socket.close();
    }
  }

  private static Process service(String before, String option) throws IOException {
    return new ProcessBuilder(
            "sh",
            "-c",
            before + "; exec \"$@\"",
            "sh",
            ProcessHandle.current().info().command().orElseThrow(),
            option,
            "-cp",
            System.getProperty("java.class.path"),
            ConnectionsTest.class.getName())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** The service of a process of its own, until it is killed. */
  public static void main(String[] arguments) throws IOException {
    System.out.println(URI.create(start(100).address()).getPort());
  }

  private static HttpService start(int mostRequests) throws IOException {
    RequestBodies bodies = new RequestBodies(1 << 30, 1 << 20, "send less");
    return HttpService.start(
        new Endpoint("127.0.0.1", 0, null),
        List.of(
            Route.get("/file", (_, _) -> Answer.json(Files.readString(Path.of("pom.xml")))),
            Route.post("/body", Route.OTHER, (exchange, _) -> bodies.read(exchange, Answer::json))),
        new HttpService.Around() {},
        Clock.systemUTC(),
        mostRequests);
  }

  private static void awaitFree(int places, HttpService service) throws InterruptedException {
    while (service.freePlaces() != places) {
      Thread.sleep(5);
    }
  }

  private static Socket begun(HttpService service, String beginning) throws IOException {
    return begun(URI.create(service.address()).getPort(), beginning);
  }

  private static Socket begun(int port, String beginning) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(30_000);
    socket.getOutputStream().write(beginning.getBytes(US_ASCII));
    return socket;
  }

  /** The first line of an answer; empty where the connection was closed without one. */
  private static String firstLine(Socket socket) throws IOException {
    StringBuilder line = new StringBuilder();
    try {
      InputStream in = socket.getInputStream();
      for (int next = in.read(); next >= 0 && next != '\r'; next = in.read()) {
        line.append((char) next);
      }
    } catch (SocketException reset) {
      assertTrue(line.isEmpty(), line.toString());
    }
    return line.toString();
  }
}
