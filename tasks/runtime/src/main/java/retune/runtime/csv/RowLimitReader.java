package retune.runtime.csv;

import java.io.FilterReader;
import java.io.IOException;
import java.io.Reader;

/**
 * Stops a row that never ends before it fills the memory: a quote that is opened and not closed
 * makes one field of the rest of the file.
 */
final class RowLimitReader extends FilterReader {
  /** Longest row, in characters: 10 million. */
  static final int LIMIT = 10_000_000;

  private long sinceRow;

  RowLimitReader(Reader reader) {
    super(reader);
  }

  /** Thrown within a row that is too long. */
  static final class RowTooLongException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** Tells the reader that a row was complete. */
  void rowEnds() {
    sinceRow = 0;
  }

  @Override
  public int read() throws IOException {
    int character = super.read();
    count(1);
    return character;
  }

  @Override
  public int read(char[] buffer, int offset, int length) throws IOException {
    int read = super.read(buffer, offset, length);
    count(Math.max(read, 0));
    return read;
  }

  private void count(int characters) throws IOException {
    sinceRow += characters;
    if (sinceRow > LIMIT) {
      throw new RowTooLongException();
    }
  }
}
