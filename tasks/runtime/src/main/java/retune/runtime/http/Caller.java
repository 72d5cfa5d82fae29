package retune.runtime.http;

import com.sun.net.httpserver.HttpExchange;
import org.jspecify.annotations.Nullable;

/** Who makes the request that this thread answers; each request has a thread of its own. */
public final class Caller {
  private static final ThreadLocal<@Nullable String> NAME = new ThreadLocal<>();

  private Caller() {}

  /** Says who it is: the name of a token or of a session. */
  public static void is(String name) {
    NAME.set(name);
  }

  /** Who it is; null where nobody said. */
  static @Nullable String name() {
    return NAME.get();
  }

  /** The address that a request comes from: of the last proxy, where there is one. */
  public static String address(HttpExchange exchange) {
    return exchange.getRemoteAddress().getAddress().getHostAddress();
  }

  /** Forgets who it is. */
  static void forget() {
    NAME.remove();
  }
}
