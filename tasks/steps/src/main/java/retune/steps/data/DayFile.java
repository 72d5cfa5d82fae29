package retune.steps.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;

/**
 * A day's file on this machine: a path, or what an address answered, which is gone after use.
 *
 * @param address where it was fetched from, without what may be secret; null where it was here
 */
record DayFile(Path path, @Nullable String address) implements AutoCloseable {
  /** How long a server may take to begin its answer, and may be silent within it. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final long MOST_BYTES = 4L << 30;
  private static final int NOT_FOUND = 404;
  private static final int BUFFER = 1 << 16;

  /**
   * The file at a path or at an http or https address.
   *
   * @throws NotReadyException where there is none yet, or its server cannot be reached or fails
   */
  static DayFile open(String place) throws IOException {
    return open(place, PATIENCE);
  }

  static DayFile open(String place, Duration patience) throws IOException {
    if (place.matches("(?i)https?://.*")) {
      return fetch(place, patience);
    }
    Path path = Path.of(place);
    if (Files.notExists(path)) {
      throw new NotReadyException("There is no file '" + place + "' yet.");
    }
    return new DayFile(path, null);
  }

  private static DayFile fetch(String address, Duration patience) throws IOException {
    HttpRequest request;
    try {
      request = HttpRequest.newBuilder(URI.create(address)).timeout(patience).build();
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("'data' is no http or https address; correct it.", e);
    }
    String host = request.uri().getHost();
    Path file = Files.createTempFile("ingest", ".csv");
    try (HttpClient client =
        HttpClient.newBuilder().connectTimeout(patience).followRedirects(Redirect.NORMAL).build()) {
      HttpResponse<InputStream> answer = client.send(request, BodyHandlers.ofInputStream());
      try (InputStream body = answer.body();
          OutputStream out = Files.newOutputStream(file)) {
        requireFound(answer.statusCode(), host);
        copy(body, out, host, patience);
      }
      return new DayFile(file, shown(request.uri()));
    } catch (IOException | TimeoutException e) {
      Files.deleteIfExists(file);
      throw new NotReadyException(host + " did not answer whole: " + e + ".", e);
    } catch (InterruptedException e) {
      Files.deleteIfExists(file);
      Thread.currentThread().interrupt();
      throw new NotReadyException("Stopped while waiting for " + host + ".", e);
    } catch (RuntimeException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  private static void requireFound(int status, String host) {
    if (status == NOT_FOUND) {
      throw new NotReadyException(host + " has no rows of that day yet (404).");
    }
    if (status / 100 == 5) {
      throw new NotReadyException(host + " answered " + status + ".");
    }
    if (status / 100 != 2) {
      throw new InvalidInputException(
          host + " answered " + status + "; correct the address in 'data', or its access.");
    }
  }

  /** Copies in a thread that can be waited for: the client limits the wait for the head alone. */
  private static void copy(InputStream body, OutputStream out, String host, Duration patience)
      throws IOException, InterruptedException, TimeoutException {
    byte[] buffer = new byte[BUFFER];
    long copied = 0;
    try (ExecutorService reader = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int read = 0; read >= 0; read = read(reader, body, buffer, patience)) {
        copied += read;
        if (copied > MOST_BYTES) {
          throw new InvalidInputException(
              host + " sent more than 4 GB; bring the file here and give its path.");
        }
        out.write(buffer, 0, read);
      }
    }
  }

  private static int read(
      ExecutorService reader, InputStream body, byte[] buffer, Duration patience)
      throws IOException, InterruptedException, TimeoutException {
    try {
      return reader.submit(() -> body.read(buffer)).get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      body.close(); // ends the read, for which the executor would wait
      throw e;
    }
  }

  /** An address without user and query, either of which may hold a key. */
  private static String shown(URI uri) {
    String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
    return uri.getScheme() + "://" + uri.getHost() + port + uri.getPath();
  }

  /** What people know the file by. */
  String name() {
    return address == null ? path.toString() : address;
  }

  /** The same refusal, naming the address where the file here has a name of no meaning. */
  InvalidInputException named(InvalidInputException refusal) {
    String message = String.valueOf(refusal.getMessage());
    return address == null
        ? refusal
        : new InvalidInputException(message.replace(path.toString(), address), refusal);
  }

  @Override
  public void close() throws IOException {
    if (address != null) {
      Files.deleteIfExists(path);
    }
  }
}
