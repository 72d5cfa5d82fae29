package retune.runtime.http;

import org.jspecify.annotations.Nullable;

/**
 * Where a service listens.
 *
 * @param host an address or a name of this machine
 * @param port 0 for any free one
 * @param tls null for HTTP
 */
public record Endpoint(String host, int port, @Nullable Tls tls) {}
