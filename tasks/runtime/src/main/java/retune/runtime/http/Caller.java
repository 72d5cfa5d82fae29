package retune.runtime.http;

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

  /** Forgets who it is. */
  static void forget() {
    NAME.remove();
  }
}
