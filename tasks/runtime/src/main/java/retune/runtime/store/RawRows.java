package retune.runtime.store;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.bson.Document;
import org.bson.types.Binary;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;

/** Converts raw rows to one document of columns, to one document per row, or to bytes to hash. */
final class RawRows {
  private static final String VALUES = "values";
  private static final int MISSING = -1;

  private RawRows() {}

  /** The types and names of the columns, in order. */
  static String header(Table table) {
    return table.columns().stream()
        .map(column -> column.getClass().getSimpleName() + " " + column.name())
        .collect(Collectors.joining("\n"));
  }

  /** The values row by row; the bytes of two tables concatenate to the bytes of all their rows. */
  static byte[] bytes(Table table) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      for (int row = 0; row < table.rows(); row++) {
        for (Column column : table.columns()) {
          switch (column) {
            case Column.Numbers numbers -> out.writeDouble(numbers.values()[row]);
            case Column.Texts texts -> write(out, texts.values()[row]);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // cannot happen in memory
    }
    return bytes.toByteArray();
  }

  private static void write(DataOutputStream out, @Nullable String text) throws IOException {
    if (text == null) {
      out.writeInt(MISSING);
    } else {
      byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
      out.writeInt(encoded.length);
      out.write(encoded);
    }
  }

  /** Numbers as little-endian float64, texts as a list in which null means missing. */
  static List<Document> columns(Table table) {
    return table.columns().stream()
        .map(
            column ->
                new Document("name", column.name())
                    .append(
                        VALUES,
                        switch (column) {
                          case Column.Numbers numbers -> LittleEndian.doubles(numbers.values());
                          case Column.Texts texts -> Arrays.asList(texts.values());
                        }))
        .toList();
  }

  static Table table(List<Document> columns) {
    return new Table(columns.stream().map(RawRows::column).toList());
  }

  private static Column column(Document column) {
    String name = column.getString("name");
    return switch (column.get(VALUES)) {
      case Binary numbers -> new Column.Numbers(name, LittleEndian.doubles(numbers));
      case null, default ->
          new Column.Texts(
              name, column.getList(VALUES, String.class).toArray(new @Nullable String[0]));
    };
  }

  /**
   * One document per row: id, values and the fields that all rows share. A missing value is an
   * absent field. Whole numbers are stored as integers, which people read more easily.
   */
  static List<Document> documents(Table table, List<String> ids, Document common) {
    List<Document> documents = new ArrayList<>(table.rows());
    for (int row = 0; row < table.rows(); row++) {
      Document values = new Document();
      for (Column column : table.columns()) {
        if (!column.isMissing(row)) {
          values.append(column.name(), value(column, row));
        }
      }
      documents.add(new Document("_id", ids.get(row)).append(VALUES, values));
      documents.getLast().putAll(common);
    }
    return documents;
  }

  static @Nullable Object value(Column column, int row) {
    return switch (column) {
      case Column.Texts texts -> texts.values()[row];
      case Column.Numbers numbers -> {
        double value = numbers.values()[row];
        int whole = (int) value;
        // Compares bits, so that -0.0 stays what it is.
        boolean isWhole = Double.doubleToLongBits(whole) == Double.doubleToLongBits(value);
        yield isWhole ? (Object) whole : (Object) value;
      }
    };
  }
}
