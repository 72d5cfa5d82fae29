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
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;

/**
 * A day's file on this machine: a path, or what an address answered, which is gone after use.
 *
 * @param fetched whether it was fetched and is to be removed
 */
record DayFile(Path path, boolean fetched) implements AutoCloseable {
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
    if (place.matches("(?i)https?://.*")) {
      return new DayFile(fetch(place), true);
    }
    Path path = Path.of(place);
    if (Files.notExists(path)) {
      throw new NotReadyException("There is no file '" + place + "' yet.");
    }
    return new DayFile(path, false);
  }

  private static Path fetch(String address) throws IOException {
    HttpRequest request;
    try {
      request = HttpRequest.newBuilder(URI.create(address)).timeout(PATIENCE).build();
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("'data' is no http or https address; correct it.", e);
    }
    String host = request.uri().getHost();
    Path file = Files.createTempFile("ingest", ".csv");
    try (HttpClient client =
        HttpClient.newBuilder().connectTimeout(PATIENCE).followRedirects(Redirect.NORMAL).build()) {
      HttpResponse<InputStream> answer = client.send(request, BodyHandlers.ofInputStream());
      try (InputStream body = answer.body();
          OutputStream out = Files.newOutputStream(file)) {
        requireFound(answer.statusCode(), host);
        copy(body, out, host);
      }
      return file;
    } catch (IOException e) {
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

  private static void copy(InputStream body, OutputStream out, String host) throws IOException {
    byte[] buffer = new byte[BUFFER];
    long copied = 0;
    for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
      copied += read;
      if (copied > MOST_BYTES) {
        throw new InvalidInputException(
            host + " sent more than 4 GB; bring the file here and give its path.");
      }
      out.write(buffer, 0, read);
    }
  }

  @Override
  public void close() throws IOException {
    if (fetched) {
      Files.deleteIfExists(path);
    }
  }
}
