package retune.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path folder;

  @Test
  void othersMayReadTheFileWhereTheyMayReadAnyFile() throws IOException {
    Path plain = Files.writeString(folder.resolve("plain"), "");
    Path file = folder.resolve("file");
    AtomicFile.write(file, new byte[] {1});
    assertEquals(Files.getPosixFilePermissions(plain), Files.getPosixFilePermissions(file));
  }

  @Test
  void aFailedWriterLeavesTheFileAsItWasAndNothingElse() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "before");
    assertThrows(
        IOException.class,
        () ->
            AtomicFile.write(
                file,
                stream -> {
                  stream.write(1);
                  throw new IOException("no more");
                }));
    assertEquals("before", Files.readString(file));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }
  }
}
