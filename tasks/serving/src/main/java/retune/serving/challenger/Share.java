package retune.serving.challenger;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.data.Table;

/**
 * Which requests a canary answers: those whose key hashes below its share. A key always goes to the
 * same version, and one that the canary has stays with it when the share grows. A request is one
 * unit, because its answer names one version.
 *
 * @param modelId the challenger; another one takes other keys
 * @param fraction 0 … 1
 */
public record Share(String modelId, double fraction) {
  /** The header that names whoever is to see one version; the request's rows do if it is absent. */
  public static final String HEADER = "X-Request-Key";

  private static final double UNIT = 0x1.0p-53;

  /**
   * Whether the canary answers a request.
   *
   * @param header the value of {@link #HEADER}
   */
  boolean has(@Nullable String header, Table rows) {
    return fraction > 0 && (header == null ? has(rows) : has(modelId + "\n" + header));
  }

  private boolean has(Table rows) {
    ByteBuffer content = ByteBuffer.allocate(Long.BYTES * rows.rows());
    List<String> names = rows.names();
    for (long row : Hashing.rows(rows, names)) {
      content.putLong(row);
    }
    return has(modelId + "\n" + Hashing.sha256(content.array()));
  }

  private boolean has(String key) {
    byte[] hash = Hashing.sha256().digest(key.getBytes(StandardCharsets.UTF_8));
    return (ByteBuffer.wrap(hash).getLong() >>> 11) * UNIT < fraction;
  }
}
