package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;

/**
 * Sends requests to a server on loopback each time a line {@code PORT PATH FILE CONNECTIONS
 * SECONDS} comes in, and replies with a line of JSON: requests answered with 200, failed requests,
 * wall seconds, the median, 99th percentile and maximum of the milliseconds from a request's first
 * byte to its response's last, and CPU seconds of this process. Each connection is kept alive and
 * has a thread of its own, which sends the next request when it has the response to the last one.
 * FILE has one request body a line.
 *
 * <p>The requests are made before the clock starts, and of a response only the status and the
 * length are read, because client and server share the processor.
 */
public final class LoadClient {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  private static final int LARGEST_RESPONSE = 4 << 20;
  private static final int TIME_OUT_MILLISECONDS = 60_000;

  /** What one connection saw: nanoseconds of each request that was answered, and failures. */
  private record Seen(long[] nanoseconds, long failed) {}

  private LoadClient() {}

  /** Answers requests until there are no more. */
  public static void main(String[] words)
      throws IOException, InterruptedException, ExecutionException {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] request = line.split(" ", -1);
      measure(
          Integer.parseInt(request[0]),
          requests(request[1], Path.of(request[2])),
          Integer.parseInt(request[3]),
          Duration.ofNanos((long) (Double.parseDouble(request[4]) * 1e9)));
    }
  }

  private static void measure(int port, byte[][] requests, int connections, Duration time)
      throws InterruptedException, ExecutionException {
    long cpu = SYSTEM.getProcessCpuTime();
    long start = System.nanoTime();
    long[] nanoseconds;
    long failed;
    try (ExecutorService threads = Executors.newFixedThreadPool(connections)) {
      List<Future<Seen>> running = new ArrayList<>();
      for (int i = 0; i < connections; i++) {
        int first = i * requests.length / connections;
        running.add(threads.submit(() -> send(port, requests, first, start + time.toNanos())));
      }
      List<Seen> seen = new ArrayList<>();
      for (Future<Seen> one : running) {
        seen.add(one.get());
      }
      nanoseconds =
          seen.stream().flatMapToLong(one -> LongStream.of(one.nanoseconds())).sorted().toArray();
      failed = seen.stream().mapToLong(Seen::failed).sum();
    }
    System.out.printf(
        Locale.ROOT,
        "{\"requests\": %d, \"failed\": %d, \"wall\": %.6f, \"p50\": %.4f, \"p99\": %.4f,"
            + " \"max\": %.4f, \"client_cpu\": %.6f}%n",
        nanoseconds.length,
        failed,
        (System.nanoTime() - start) / 1e9,
        milliseconds(nanoseconds, 0.5),
        milliseconds(nanoseconds, 0.99),
        milliseconds(nanoseconds, 1),
        (SYSTEM.getProcessCpuTime() - cpu) / 1e9);
  }

  /** The least value that at least this share of the sorted values does not exceed. */
  private static double milliseconds(long[] sorted, double share) {
    return sorted.length == 0
        ? 0
        : sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)] / 1e6;
  }

  private static byte[][] requests(String path, Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .map(
            body -> {
              byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
              byte[] head =
                  """
                  POST %s HTTP/1.1\r
                  Host: 127.0.0.1\r
                  Content-Type: application/json\r
                  Content-Length: %d\r
                  \r
                  """
                      .formatted(path, bytes.length)
                      .getBytes(StandardCharsets.US_ASCII);
              byte[] request = Arrays.copyOf(head, head.length + bytes.length);
              System.arraycopy(bytes, 0, request, head.length, bytes.length);
              return request;
            })
        .toArray(byte[][]::new);
  }

  /** Sends one request after the other; opens a new connection after each failure. */
  private static Seen send(int port, byte[][] requests, int first, long end)
      throws InterruptedException {
    long[] nanoseconds = new long[1024];
    int answered = 0;
    long failed = 0;
    int next = first;
    byte[] buffer = new byte[LARGEST_RESPONSE];
    while (System.nanoTime() < end) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIME_OUT_MILLISECONDS);
        for (long start = System.nanoTime(); start < end; start = System.nanoTime()) {
          socket.getOutputStream().write(requests[next]);
          next = (next + 1) % requests.length;
          if (isAnswered(socket.getInputStream(), buffer)) {
            if (answered == nanoseconds.length) {
              nanoseconds = Arrays.copyOf(nanoseconds, 2 * answered);
            }
            nanoseconds[answered++] = System.nanoTime() - start;
          } else {
            failed++;
          }
        }
      } catch (IOException e) {
        failed++;
        Thread.sleep(10);
      }
    }
    return new Seen(Arrays.copyOf(nanoseconds, answered), failed);
  }

  /** Reads a whole response: whether its status is 200. */
  private static boolean isAnswered(InputStream input, byte[] buffer) throws IOException {
    int length = 0;
    int body = -1;
    while (body < 0) {
      length += more(input, buffer, length);
      body = endOfHead(buffer, length);
    }
    String head = new String(buffer, 0, body, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
    int size = head.indexOf("\r\ncontent-length:");
    if (size < 0) {
      throw new IOException("The response has no Content-Length.");
    }
    size += "\r\ncontent-length:".length();
    int end = body + Integer.parseInt(head.substring(size, head.indexOf('\r', size)).strip());
    while (length < end) {
      length += more(input, buffer, length);
    }
    return head.startsWith("http/1.1 200 ");
  }

  private static int more(InputStream input, byte[] buffer, int length) throws IOException {
    int read = input.read(buffer, length, buffer.length - length);
    if (read <= 0) {
      throw new EOFException("The server closed the connection, or its response is too large.");
    }
    return read;
  }

  /** The place after the empty line that ends the head, or -1 if it is not there yet. */
  private static int endOfHead(byte[] buffer, int length) {
    for (int i = 3; i < length; i++) {
      if (buffer[i] == '\n' && buffer[i - 1] == '\r' && buffer[i - 2] == '\n') {
        return i + 1;
      }
    }
    return -1;
  }
}
