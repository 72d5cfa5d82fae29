package retune.runtime.http;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/** What tells that a file is another one than before. */
record FileStamp(FileTime modified, long size, @Nullable Object key) {
  /**
   * The stamp of a file as it is now.
   *
   * @throws InvalidInputException if it is not there
   */
  static FileStamp of(Path file) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return new FileStamp(attributes.lastModifiedTime(), attributes.size(), attributes.fileKey());
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  static InvalidInputException unreadable(Path file, IOException cause) {
    return new InvalidInputException(
        "'%s' cannot be read; check that it exists and that this user may read it.".formatted(file),
        cause);
  }
}
