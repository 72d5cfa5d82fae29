package retune.runtime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/**
 * Deletes temporary files whose writer was killed before it could. A writer touches its file at
 * least every few seconds, so one that has not changed for an hour has no writer any more.
 */
public final class Leftovers {
  private static final Duration ABANDONED_AFTER = Duration.ofHours(1);

  private Leftovers() {}

  /**
   * Deletes the abandoned files of a folder. What cannot be listed or deleted, such as another
   * user's file, stays.
   *
   * @param folder does nothing where there is none
   */
  public static void delete(Path folder, String prefix, String suffix) {
    Instant abandoned = Instant.now().minus(ABANDONED_AFTER);
    DirectoryStream.Filter<Path> ours =
        file -> {
          String name = String.valueOf(file.getFileName());
          return name.startsWith(prefix) && name.endsWith(suffix);
        };
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, ours)) {
      for (Path file : files) {
        deleteIfOlder(file, abandoned);
      }
    } catch (IOException | DirectoryIteratorException | UncheckedIOException unlistable) {
      // The next writer tries again.
    }
  }

  private static void deleteIfOlder(Path file, Instant moment) {
    try {
      if (Files.getLastModifiedTime(file).toInstant().isBefore(moment)) {
        Files.delete(file);
      }
    } catch (IOException undeletable) {
      // Another process was faster, or the file belongs to another user.
    }
  }
}
