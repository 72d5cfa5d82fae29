package retune.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import retune.core.InvalidInputException;

/**
 * Reads files that others made into memory, up to a limit: a file, or an entry of a zip whose
 * stated size is false, is never read further than that.
 */
public final class BoundedFile {
  /** Greatest size of {@code model.json} and of an import spec: 64 MiB. */
  public static final long MAX_JSON = 64L << 20;

  /** Greatest size of a file of weights: 1 GiB. */
  public static final long MAX_WEIGHTS = 1L << 30;

  /** Weights are in memory as bytes, as numbers and as the engine's layout of them. */
  private static final long COPIES = 3;

  private BoundedFile() {}

  /**
   * The bytes of a file.
   *
   * @param limit greatest number of bytes
   * @throws InvalidInputException if the file is larger than the limit, or than this process's
   *     memory permits
   */
  public static byte[] read(Path file, long limit) throws IOException {
    try (InputStream stream = Files.newInputStream(file)) {
      return read(stream, Files.size(file), limit, file.toString());
    }
  }

  /**
   * The bytes of a stream.
   *
   * @param statedSize what the source says about the stream's length; negative if it says nothing
   * @param limit greatest number of bytes
   * @param source the stream's name, for the message
   * @throws InvalidInputException as {@link #read(Path, long)}
   */
  public static byte[] read(InputStream stream, long statedSize, long limit, String source)
      throws IOException {
    requireSize(statedSize, limit, source);
    byte[] bytes = stream.readNBytes(Math.toIntExact(allowed(limit)) + 1);
    requireSize(bytes.length, limit, source);
    return bytes;
  }

  /**
   * Checks a size before anything of it is read.
   *
   * @throws InvalidInputException as {@link #read(Path, long)}
   */
  public static void requireSize(long size, long limit, String source) {
    if (size > limit) {
      throw new InvalidInputException(
          String.format(Locale.ROOT, "%s has more than %,d bytes, the limit.", source, limit));
    }
    if (size > allowed(limit)) {
      throw new InvalidInputException(
          String.format(
              Locale.ROOT,
              "%s has %,d bytes, too many for this process's memory of %,d bytes. Give it more"
                  + " memory.",
              source,
              size,
              Runtime.getRuntime().maxMemory()));
    }
  }

  private static long allowed(long limit) {
    return Math.min(limit, Runtime.getRuntime().maxMemory() / COPIES);
  }
}
