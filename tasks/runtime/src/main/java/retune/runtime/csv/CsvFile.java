package retune.runtime.csv;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.apache.commons.csv.CSVException;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import retune.core.InvalidInputException;
import retune.core.preprocessing.NumberText;

/** An open file of delimited text; its header is checked, and each row has all fields. */
final class CsvFile implements AutoCloseable {
  private static final Logger LOGGER = System.getLogger(CsvFile.class.getName());
  private static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final String DELIMITERS = ",;\t|";
  private static final int HEADER_LOOKED_AT = 1 << 16;

  private final Path file;
  private final RowLimitReader reader;
  private final CSVParser parser;
  private final Iterator<CSVRecord> records;
  private final List<String> columns;
  private final Charset encoding;
  private final char delimiter;

  /** Opens the file and reads its header; there is at least one row behind it. */
  CsvFile(Path file, CsvOptions options) {
    this.file = file;
    try {
      refuseNoTable();
      encoding = options.encoding() == null ? detectEncoding() : options.encoding();
      BufferedReader text = Files.newBufferedReader(file, encoding);
      skipByteOrderMark(text);
      Character stated = options.delimiter();
      delimiter = stated == null ? detectDelimiter(text) : stated;
      reader = new RowLimitReader(text);
      parser =
          CSVFormat.DEFAULT
              .builder()
              .setDelimiter(delimiter)
              .setIgnoreSurroundingSpaces(true)
              .get()
              .parse(reader);
    } catch (IOException e) {
      throw unreadable("'" + file + "'", e);
    }
    records = parser.iterator();
    try {
      columns = header();
      refuseNoRows();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  List<String> columns() {
    return columns;
  }

  char delimiter() {
    return delimiter;
  }

  String encoding() {
    return encoding.name();
  }

  /** Whether there is a further row; blank lines are none. */
  boolean hasNext() {
    try {
      boolean next = records.hasNext();
      reader.rowEnds();
      return next;
    } catch (UncheckedIOException e) {
      throw unreadable(where(), Objects.requireNonNull(e.getCause()));
    }
  }

  /** The next row's fields, as many as there are columns. */
  CSVRecord next() {
    CSVRecord row = records.next();
    if (row.size() != columns.size()) {
      throw new InvalidInputException(
          where()
              + " has "
              + row.size()
              + " fields, but the header has "
              + columns.size()
              + "; put text that has the delimiter in it between quotes.");
    }
    return row;
  }

  /** The file and the line of the last row read, to begin a sentence with. */
  String where() {
    return "Line " + parser.getCurrentLineNumber() + " of '" + file + "'";
  }

  @Override
  public void close() {
    try {
      parser.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void refuseNoTable() throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException("There is no file '" + file + "'.");
    }
    if (Files.size(file) == 0) {
      throw new InvalidInputException("'" + file + "' is empty; a table begins with a header.");
    }
  }

  private Charset detectEncoding() throws IOException {
    Charset detected = CsvEncoding.detect(file);
    if (!detected.equals(StandardCharsets.UTF_8)) {
      LOGGER.log(Level.WARNING, "''{0}'' is not valid UTF-8 and is read as {1}.", file, detected);
    }
    return detected;
  }

  private static void skipByteOrderMark(BufferedReader text) throws IOException {
    text.mark(1);
    if (text.read() != BYTE_ORDER_MARK) {
      text.reset();
    }
  }

  /** The delimiter that is most frequent outside quotes in the header; a comma where none is. */
  private static char detectDelimiter(BufferedReader text) throws IOException {
    int[] counts = new int[DELIMITERS.length()];
    boolean quoted = false;
    text.mark(HEADER_LOOKED_AT);
    for (int i = 0; i < HEADER_LOOKED_AT; i++) {
      int character = text.read();
      quoted ^= character == '"';
      if (character < 0 || (!quoted && character == '\n')) {
        break;
      }
      int delimiter = DELIMITERS.indexOf(character);
      if (!quoted && delimiter >= 0) {
        counts[delimiter]++;
      }
    }
    text.reset();
    int best = 0;
    for (int i = 1; i < counts.length; i++) {
      best = counts[i] > counts[best] ? i : best;
    }
    return DELIMITERS.charAt(best);
  }

  private List<String> header() {
    if (!hasNext()) {
      throw new InvalidInputException("'" + file + "' is empty; a table begins with a header.");
    }
    List<String> names = records.next().toList();
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < names.size(); i++) {
      if (names.get(i).isBlank()) {
        throw new InvalidInputException(
            "Column " + (i + 1) + " of '" + file + "' has no name; name it or remove it.");
      }
      if (!seen.add(names.get(i))) {
        throw new InvalidInputException(
            "'" + file + "' has two columns '" + names.get(i) + "'; rename one of them.");
      }
    }
    long numbers = names.stream().filter(name -> NumberText.parse(name).isPresent()).count();
    if (2 * numbers > names.size()) {
      throw new InvalidInputException(
          "'"
              + file
              + "' has no header: its first line has numbers instead of column names; add one.");
    }
    return names;
  }

  private void refuseNoRows() {
    if (!hasNext()) {
      throw new InvalidInputException("'" + file + "' has a header but no rows.");
    }
  }

  private static InvalidInputException unreadable(String where, IOException e) {
    String reason =
        switch (e) {
          case RowLimitReader.RowTooLongException _ ->
              " begins a row of more than "
                  + RowLimitReader.LIMIT
                  + " characters; is a quote opened that nothing closes?";
          case CharacterCodingException _ ->
              " or what follows is not valid in the encoding stated; state another one.";
          case CSVException _ ->
              " has a quote that nothing closes, or text behind a closing quote; write quotes"
                  + " within a field twice, and the field between quotes.";
          default -> " cannot be read: " + e.getMessage() + ".";
        };
    return new InvalidInputException(where + reason, e);
  }
}
