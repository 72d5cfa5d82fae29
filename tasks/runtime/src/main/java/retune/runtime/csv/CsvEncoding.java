package retune.runtime.csv;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import retune.core.InvalidInputException;

/**
 * Finds a file's encoding by reading it once to its end. Every byte sequence is valid Latin-1, so
 * that is the answer where UTF-8 is impossible.
 */
final class CsvEncoding {
  private static final int BUFFER = 1 << 16;

  private CsvEncoding() {}

  /**
   * UTF-8 or Latin-1; an {@link InvalidInputException} if a zero byte shows that it is not text.
   */
  static Charset detect(Path file) throws IOException {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    CharBuffer decoded = CharBuffer.allocate(BUFFER);
    ByteBuffer bytes = ByteBuffer.allocate(BUFFER);
    boolean valid = true;
    try (InputStream stream = Files.newInputStream(file)) {
      for (int read = 0; read >= 0; ) {
        read = stream.read(bytes.array(), bytes.position(), bytes.remaining());
        refuseZeroBytes(file, bytes, Math.max(read, 0));
        bytes.position(bytes.position() + Math.max(read, 0)).flip();
        if (valid) {
          CoderResult result = decoder.decode(bytes, decoded.clear(), read < 0);
          valid = !result.isError();
        }
        if (valid) {
          bytes.compact();
        } else {
          bytes.clear();
        }
      }
    }
    return valid ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
  }

  private static void refuseZeroBytes(Path file, ByteBuffer bytes, int read) {
    for (int i = bytes.position(); i < bytes.position() + read; i++) {
      if (bytes.get(i) == 0) {
        throw new InvalidInputException(
            "'" + file + "' is not text (it contains zero bytes); save the table as CSV in UTF-8.");
      }
    }
  }
}
