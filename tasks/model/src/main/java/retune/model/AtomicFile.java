package retune.model;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import retune.core.InvalidInputException;
import retune.runtime.Leftovers;

/**
 * Replaces files atomically: readers see the old content or the new one, even after a power cut.
 */
public final class AtomicFile {
  private static final int BUFFER_SIZE = 1 << 16;
  private static final String PART = ".part";

  private AtomicFile() {}

  /** Writes the content of a file. */
  public interface Writer {
    void write(OutputStream stream) throws IOException;
  }

  /**
   * The absolute path of a file to write; an {@link InvalidInputException} if its folder does not
   * exist, or it is a folder itself.
   */
  public static Path inFolder(String file) {
    Path path = Path.of(file).toAbsolutePath();
    if (!Files.isDirectory(path.resolveSibling("")) || Files.isDirectory(path)) {
      throw new InvalidInputException(
          "'%s' cannot be written; give the path of a file in a folder that exists."
              .formatted(path));
    }
    return path;
  }

  public static void write(Path file, byte[] bytes) throws IOException {
    write(file, stream -> stream.write(bytes));
  }

  /**
   * Writes a file. If the writer fails, the file stays as it was. The process's umask decides who
   * can read the file, unlike for temporary files, which only the owner can read.
   */
  public static void write(Path file, Writer writer) throws IOException {
    Path temporary = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + PART);
    Path folder = temporary.toAbsolutePath().getParent();
    if (folder != null) {
      Leftovers.delete(folder, "." + file.getFileName() + ".", PART);
    }
    temporary.toFile().deleteOnExit(); // where a signal ends the program within the work
    try {
      try (FileChannel channel =
              FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
          OutputStream stream =
              new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_SIZE)) {
        writer.write(stream);
        stream.flush();
        channel.force(true);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
