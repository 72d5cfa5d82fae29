package retune.learning.training;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import retune.core.data.Hashing;

/** Seeds that come from what a piece of work is for, so that its repetition draws the same. */
public final class Seeds {
  private Seeds() {}

  /** The same parts give the same seed; other parts give, as good as always, another. */
  public static long of(Object... parts) {
    StringBuilder text = new StringBuilder();
    for (Object part : parts) {
      text.append(part).append('\n');
    }
    byte[] hash = Hashing.sha256().digest(text.toString().getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(hash).getLong();
  }
}
