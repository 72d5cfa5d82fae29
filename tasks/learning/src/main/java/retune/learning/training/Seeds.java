package retune.learning.training;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import retune.core.data.Hashing;

/** Random seeds derived from what a piece of work is for, so that a repetition is identical. */
public final class Seeds {
  private Seeds() {}

  /** A hash of the parts: the same parts give the same seed. */
  public static long of(Object... parts) {
    StringBuilder text = new StringBuilder();
    for (Object part : parts) {
      text.append(part).append('\n');
    }
    byte[] hash = Hashing.sha256().digest(text.toString().getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(hash).getLong();
  }
}
