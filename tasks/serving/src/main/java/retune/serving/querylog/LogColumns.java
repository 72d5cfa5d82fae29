package retune.serving.querylog;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.runtime.store.QueryBlock;

/**
 * Which columns of a request the query log keeps, and which of them as hashes. A hash is an
 * HMAC-SHA256 under a secret: equal values stay equal, and without the secret nobody finds a value
 * by trying all that it could be. Not thread-safe.
 */
public final class LogColumns {
  /** Names the secret that hashes need. */
  public static final String SECRET = "RETUNE_QUERY_LOG_SECRET";

  private static final String ALGORITHM = "HmacSHA256";

  /** As many as the hash of a password needs: the secret is as good as its length. */
  private static final int SHORTEST_SECRET = 24;

  /** 128 bits. */
  private static final int HASH_BYTES = 16;

  private final @Nullable Set<String> kept;
  private final Set<String> hashed;
  private final @Nullable Mac mac;

  /**
   * Columns to keep.
   *
   * @param kept null for all
   * @param hashed those whose values are hashed
   * @param secret null for none
   * @throws InvalidInputException if columns are hashed and the secret is missing or short, or a
   *     hashed column is not kept
   */
  public LogColumns(@Nullable List<String> kept, List<String> hashed, @Nullable String secret) {
    this.kept = kept == null ? null : Set.copyOf(kept);
    this.hashed = Set.copyOf(hashed);
    this.mac = hashed.isEmpty() ? null : mac(secret);
    for (String name : hashed) {
      if (this.kept != null && !this.kept.contains(name)) {
        throw new InvalidInputException(
            "The query log hashes '%s', which --query-log-columns leaves out; name it there, too, or not at all."
                .formatted(name));
      }
    }
  }

  private static Mac mac(@Nullable String secret) {
    if (secret == null || secret.length() < SHORTEST_SECRET) {
      throw new InvalidInputException(
          "To hash columns, the query log needs a secret of at least %d characters, because anybody can hash all values that a column may have and compare. Make one (openssl rand -base64 33) and set %s, or %s_FILE to a file that has it."
              .formatted(SHORTEST_SECRET, SECRET, SECRET));
    }
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(secret.getBytes(UTF_8), ALGORITHM));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /** The columns whose values are hashed. */
  Set<String> hashed() {
    return hashed;
  }

  /** The columns named here that a model does not read: hashed ones, or any. */
  List<String> unknown(List<String> read, boolean onlyHashed) {
    List<String> named = new ArrayList<>(hashed);
    if (!onlyHashed && kept != null) {
      named.addAll(kept);
    }
    return named.stream().filter(name -> !read.contains(name)).distinct().sorted().toList();
  }

  /** Appends a request's values to those of the same columns. */
  void append(Table rows, Map<String, List<@Nullable Object>> to) {
    for (Column column : rows.columns()) {
      String name = column.name();
      if (kept == null || kept.contains(name)) {
        List<@Nullable Object> values = to.computeIfAbsent(name, _ -> new ArrayList<>());
        if (mac != null && hashed.contains(name)) {
          appendHashes(column, mac, values);
        } else {
          QueryBlock.append(column, values);
        }
      }
    }
  }

  private static void appendHashes(Column column, Mac mac, List<@Nullable Object> to) {
    for (int row = 0; row < column.rows(); row++) {
      String text = column.text(row);
      // With the name, so that equal values of two columns have different hashes.
      to.add(text == null ? null : hash(mac, column.name() + "\n" + text));
    }
  }

  private static String hash(Mac mac, String text) {
    byte[] hash = mac.doFinal(text.getBytes(UTF_8));
    return HexFormat.of().formatHex(Arrays.copyOf(hash, HASH_BYTES));
  }
}
