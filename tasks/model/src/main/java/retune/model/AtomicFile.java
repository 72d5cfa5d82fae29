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
import retune.runtime.Leftovers;

/** Writing a file so that readers see the old content or the new one, after a power cut too. */
public final class AtomicFile {
  private static final int BUFFER_SIZE = 1 << 16;
  private static final String PART = ".part";

  private AtomicFile() {}

  /** Writes the content of a file, as much as it likes. */
  public interface Writer {
    void write(OutputStream stream) throws IOException;
  }

  public static void write(Path file, byte[] bytes) throws IOException {
    write(file, stream -> stream.write(bytes));
  }

  /**
   * The file stays as it was where the writer fails. Who may read it is what the process's umask
   * says, as of any file: not the owner alone, as of a temporary file.
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
