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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.Leftovers;
import retune.runtime.NotReadyException;

/**
 * A day's file on this machine: a path, or a download that is deleted after use.
 *
 * @param address the address it was downloaded from, without user and query; null for a path
 */
record DayFile(Path path, @Nullable String address) implements AutoCloseable {
  /** Time-out for the head of a response, and for each silence within its body. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final Pattern SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*):/.*");
  private static final String PREFIX = "retune-ingest-";
  private static final String SUFFIX = ".csv";
  private static final long MOST_BYTES = 4L << 30;
  private static final int MOST_REDIRECTS = 5;
  private static final int NOT_FOUND = 404;
  private static final int BUFFER = 1 << 16;

  /**
   * Opens the file at a path, or downloads it from an http or https address. A redirect is followed
   * on the same server only.
   *
   * @throws NotReadyException where the file does not exist yet, or its server cannot be reached or
   *     fails
   * @throws InvalidInputException where the address has another scheme, redirects to another
   *     server, or is refused
   */
  static DayFile open(String place) throws IOException {
    return open(place, PATIENCE);
  }

  static DayFile open(String place, Duration patience) throws IOException {
    Matcher scheme = SCHEME.matcher(place);
    if (scheme.matches()) {
      if (!scheme.group(1).matches("(?i)https?")) {
        throw new InvalidInputException(
            "'data' is an address with the scheme '"
                + scheme.group(1)
                + "'; give an http or https address, or a path.");
      }
      return download(address(place), patience);
    }
    Path path = Path.of(place);
    if (Files.notExists(path)) {
      throw new NotReadyException("There is no file '" + place + "' yet.");
    }
    return new DayFile(path, null);
  }

  private static URI address(String place) {
    try {
      URI uri = URI.create(place);
      if (uri.getHost() != null) {
        return uri;
      }
    } catch (IllegalArgumentException malformed) {
      // Its message would show the query.
    }
    throw new InvalidInputException(
        "'data' is not a valid http or https address; correct it, and percent-encode special characters.");
  }

  private static DayFile download(URI address, Duration patience) throws IOException {
    String host = address.getHost();
    Leftovers.delete(Path.of(System.getProperty("java.io.tmpdir")), PREFIX, SUFFIX);
    Path file = Files.createTempFile(PREFIX, SUFFIX);
    try (HttpClient client =
        HttpClient.newBuilder().connectTimeout(patience).followRedirects(Redirect.NEVER).build()) {
      HttpResponse<InputStream> response = get(client, address, patience);
      try (InputStream body = response.body();
          OutputStream out = Files.newOutputStream(file)) {
        requireFound(response.statusCode(), host);
        copy(body, out, host, patience);
      }
      return new DayFile(file, shown(address));
    } catch (IOException | TimeoutException e) {
      Files.deleteIfExists(file);
      throw new NotReadyException(host + " sent an incomplete response: " + e + ".", e);
    } catch (InterruptedException e) {
      Files.deleteIfExists(file);
      Thread.currentThread().interrupt();
      throw new NotReadyException("Stopped while waiting for " + host + ".", e);
    } catch (RuntimeException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  /** The response after all redirects; none of them leaves the server. */
  private static HttpResponse<InputStream> get(HttpClient client, URI address, Duration patience)
      throws IOException, InterruptedException {
    URI next = address;
    for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      HttpRequest request = HttpRequest.newBuilder(next).timeout(patience).build();
      HttpResponse<InputStream> response = client.send(request, BodyHandlers.ofInputStream());
      if (response.statusCode() / 100 != 3) {
        return response;
      }
      response.body().close();
      next = target(next, response);
    }
    throw new InvalidInputException(
        address.getHost()
            + " redirects more than "
            + MOST_REDIRECTS
            + " times; give the file's own address in 'data'.");
  }

  private static URI target(URI from, HttpResponse<InputStream> response) {
    URI to;
    try {
      to =
          from.resolve(
              response
                  .headers()
                  .firstValue("Location")
                  .orElseThrow(() -> new IllegalArgumentException("no Location")));
    } catch (IllegalArgumentException malformed) {
      throw new InvalidInputException(
          from.getHost()
              + " answered "
              + response.statusCode()
              + " without a valid address to go to; correct the one in 'data'.",
          malformed);
    }
    if (!isSameServer(from, to)) {
      throw new InvalidInputException(
          "%s redirects to another server, %s://%s; redirects are followed on the same server only. If that server is the right one, give its address in 'data'."
              .formatted(from.getHost(), to.getScheme(), to.getAuthority()));
    }
    return to;
  }

  /** The same host and port, or the same host's https instead of its http. */
  private static boolean isSameServer(URI from, URI to) {
    if (!from.getHost().equalsIgnoreCase(to.getHost())) {
      return false;
    }
    boolean sameScheme = from.getScheme().equalsIgnoreCase(to.getScheme());
    boolean upgrade =
        from.getScheme().equalsIgnoreCase("http") && to.getScheme().equalsIgnoreCase("https");
    return sameScheme ? port(from) == port(to) : upgrade && port(from) == 80 && port(to) == 443;
  }

  private static int port(URI uri) {
    int byDefault = uri.getScheme().equalsIgnoreCase("https") ? 443 : 80;
    return uri.getPort() < 0 ? byDefault : uri.getPort();
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

  /** Copies with a time-out for each read: the client's own covers the response's head only. */
  private static void copy(InputStream body, OutputStream out, String host, Duration patience)
      throws IOException, InterruptedException, TimeoutException {
    byte[] buffer = new byte[BUFFER];
    long copied = 0;
    try (ExecutorService reader = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int read = 0; read >= 0; read = read(reader, body, buffer, patience)) {
        copied += read;
        if (copied > MOST_BYTES) {
          throw new InvalidInputException(
              host + " sent more than 4 GB; copy the file to this machine and give its path.");
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
      body.close(); // ends the read that closing the executor waits for
      throw e;
    }
  }

  /** An address without user and query, either of which may hold a key. */
  private static String shown(URI uri) {
    String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
    return uri.getScheme() + "://" + uri.getHost() + port + uri.getPath();
  }

  /** The name that messages use. */
  String name() {
    return address == null ? path.toString() : address;
  }

  /** The same refusal, with the address in place of the temporary file's name. */
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
