package retune.steps.data;

import com.mongodb.MongoCommandException;
import com.mongodb.client.FindIterable;
import com.mongodb.client.MongoCursor;
import com.mongodb.client.model.Sorts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bson.BSONException;
import org.bson.Document;
import org.bson.json.JsonParseException;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;

/**
 * A day's documents as tables, ordered by id. Each field but {@code _id} is a column: of numbers if
 * all its values are numbers, otherwise of text.
 */
final class DayQuery implements AutoCloseable {
  private static final String URI = "RETUNE_DATA_MONGO_URI";
  private static final int CHUNK_ROWS = 1_000;

  private final @Nullable DocumentStore own;
  private final FindIterable<Document> found;
  private final @Nullable String key;
  private final Map<String, Boolean> numeric = new TreeMap<>();
  private long rows;

  private DayQuery(
      @Nullable DocumentStore own, FindIterable<Document> found, @Nullable String key) {
    this.own = own;
    this.found = found;
    this.key = key;
  }

  /**
   * Finds the documents and their columns.
   *
   * @param filter a query in JSON, or empty
   * @param key a column that is text whatever its values are; null for none
   * @throws NotReadyException if no such document exists yet
   */
  static DayQuery open(
      String collection, String filter, @Nullable String key, StepContext context) {
    Document wanted = parse(filter);
    DocumentStore own =
        context
            .settings()
            .secret(URI)
            .map(
                uri ->
                    DocumentStore.openToRead(
                        URI, uri, context.settings().storeWait(), context.clock()))
            .orElse(null);
    DocumentStore store = own == null ? context.store() : own;
    DayQuery query =
        new DayQuery(
            own,
            store
                .collection(collection)
                .find(wanted)
                .sort(Sorts.ascending("_id"))
                .batchSize(CHUNK_ROWS),
            key);
    try {
      query.survey(collection);
      return query;
    } catch (MongoCommandException e) {
      query.close();
      throw new InvalidInputException(
          "The collection '"
              + collection
              + "' cannot be queried ("
              + e.getErrorMessage()
              + "); correct 'filter', or the rights of the user in "
              + URI
              + ".",
          e);
    } catch (RuntimeException e) {
      query.close();
      throw e;
    }
  }

  List<String> columns() {
    return List.copyOf(numeric.keySet());
  }

  long rows() {
    return rows;
  }

  /** The documents in tables of up to 1,000 rows, read lazily. */
  Iterator<Table> tables() {
    MongoCursor<Document> cursor = found.iterator();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return cursor.hasNext();
      }

      @Override
      public Table next() {
        List<Document> chunk = new ArrayList<>();
        while (chunk.size() < CHUNK_ROWS && cursor.hasNext()) {
          chunk.add(cursor.next());
        }
        return table(chunk);
      }
    };
  }

  private void survey(String collection) {
    for (Document document : found) {
      rows++;
      document.forEach(
          (name, value) -> {
            if (!name.equals("_id")) {
              requirePlain(collection, document, name, value);
              boolean isNumber = value == null || value instanceof Number;
              numeric.merge(name, isNumber && !name.equals(key), Boolean::logicalAnd);
            }
          });
    }
    if (rows > 0 && numeric.isEmpty()) {
      throw new InvalidInputException(
          "The documents of '" + collection + "' have no field but _id; add the columns.");
    }
    if (rows == 0) {
      throw new NotReadyException(
          "The collection '" + collection + "' has no document for that day yet.");
    }
  }

  private Table table(List<Document> documents) {
    List<Column> columns = new ArrayList<>();
    numeric.forEach(
        (name, isNumeric) -> {
          Object[] values = documents.stream().map(document -> document.get(name)).toArray();
          columns.add(
              isNumeric
                  ? new Column.Numbers(
                      name, Arrays.stream(values).mapToDouble(DayQuery::number).toArray())
                  : new Column.Texts(
                      name, Arrays.stream(values).map(DayQuery::text).toArray(String[]::new)));
        });
    return new Table(columns);
  }

  private static double number(@Nullable Object value) {
    return value instanceof Number number ? number.doubleValue() : Double.NaN;
  }

  private static @Nullable String text(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Date date -> date.toInstant().toString();
      default -> value.toString();
    };
  }

  private static void requirePlain(
      String collection, Document document, String name, @Nullable Object value) {
    if (value instanceof Number number && Double.isInfinite(number.doubleValue())) {
      throw new InvalidInputException(
          "Document '"
              + document.get("_id")
              + "' of '"
              + collection
              + "' has an infinite number in the field '"
              + name
              + "'; correct it or leave the field out.");
    }
    if (value instanceof Document || value instanceof List) {
      throw new InvalidInputException(
          "Document '"
              + document.get("_id")
              + "' of '"
              + collection
              + "' has a list or a document in the field '"
              + name
              + "'; a column holds numbers or text.");
    }
  }

  private static Document parse(String filter) {
    try {
      return filter.isBlank() ? new Document() : Document.parse(filter);
    } catch (JsonParseException | BSONException e) {
      throw new InvalidInputException(
          "'filter' is not a valid JSON query (" + e.getMessage() + "); correct it.", e);
    }
  }

  @Override
  public void close() {
    if (own != null) {
      own.close();
    }
  }
}
