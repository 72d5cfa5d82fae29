package retune.runtime.http;

import org.jspecify.annotations.Nullable;

/**
 * Where a service listens, and to whom.
 *
 * @param host an address or a name of this machine
 * @param port 0 for any free one
 * @param tls null for HTTP
 * @param tokens of those who may use the service; null where the routes decide that
 * @param rate of the requests of each caller, by token's name or address; null for no limit, or
 *     where the routes decide that
 * @param logsAccess whether each request has a line in the log
 */
public record Endpoint(
    String host,
    int port,
    @Nullable Tls tls,
    @Nullable Tokens tokens,
    @Nullable RateLimit rate,
    boolean logsAccess) {
  /** One without tokens, limit and access log. */
  public Endpoint(String host, int port, @Nullable Tls tls) {
    this(host, port, tls, null, null, false);
  }
}
