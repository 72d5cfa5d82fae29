package retune.core.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** SHA-256 of tables, rows and bytes, to identify and compare content. */
public final class Hashing {
  private static final byte SEPARATOR = 0x1f;
  private static final byte MISSING = 0x00;

  private Hashing() {}

  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has SHA-256
    }
  }

  /** Lower-case hexadecimal SHA-256. */
  public static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(sha256().digest(bytes));
  }

  public static String sha256(String text) {
    return sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * One 64-bit hash per row over the given columns (the features, not the label), so that a split
   * can keep equal rows in one part.
   */
  public static long[] rows(Table table, List<String> columns) {
    List<Column> hashed = columns.stream().map(table::column).toList();
    MessageDigest digest = sha256();
    long[] hashes = new long[table.rows()];
    for (int row = 0; row < hashes.length; row++) {
      for (Column column : hashed) {
        String text = column.text(row);
        if (text == null) {
          digest.update(MISSING);
        } else {
          digest.update(text.getBytes(StandardCharsets.UTF_8));
        }
        digest.update(SEPARATOR);
      }
      hashes[row] = ByteBuffer.wrap(digest.digest()).getLong();
    }
    return hashes;
  }

  /** SplitMix64's finalizer (Steele, Lea and Flood, 2014): spreads neighbouring numbers. */
  public static long mix(long value) {
    long mixed = value + 0x9e3779b97f4a7c15L;
    mixed = (mixed ^ (mixed >>> 30)) * 0xbf58476d1ce4e5b9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
    return mixed ^ (mixed >>> 31);
  }
}
