package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.bson.Document;
import org.bson.RawBsonDocument;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;

/** What production was asked and answered, in the collection {@code query_logs}. */
public final class QueryLogs {
  private static final String COLLECTION = "query_logs";

  /** Blocks of a megabyte or less, of which so many fit into one answer of a server. */
  private static final int BLOCKS_AT_ONCE = 16;

  private final MongoCollection<Document> blocks;

  QueryLogs(MongoDatabase database) {
    this.blocks = database.getCollection(COLLECTION);
  }

  /** Writes a block; a block that was written already stays as it is. */
  public void write(QueryBlock block) {
    Documents.insertMissing(
        blocks.withDocumentClass(RawBsonDocument.class), List.of(QueryBlockDocument.of(block)));
  }

  /**
   * What was answered to the rows of a block.
   *
   * @param id of the block
   * @param rows null if the document has not the shape of a block
   */
  public record Answers(String id, @Nullable List<QueryBlock.Row> rows) {}

  /**
   * The answers of a model and a date by block, in the order of the blocks' ids, read a few blocks
   * at a time and without the columns, which are most of a block.
   */
  public Iterator<Answers> answers(String model, LocalDate date) {
    List<String> ids = ids(model, date);
    return IntStream.range(0, Math.ceilDiv(ids.size(), BLOCKS_AT_ONCE))
        .map(slice -> slice * BLOCKS_AT_ONCE)
        .mapToObj(from -> ids.subList(from, Math.min(from + BLOCKS_AT_ONCE, ids.size())))
        .map(
            some ->
                blocks
                    .find(Filters.in("_id", some))
                    .projection(Projections.exclude("columns", "hashed"))
                    .sort(Sorts.ascending("_id"))
                    .map(
                        document ->
                            new Answers(
                                document.getString("_id"),
                                wellFormed(document, QueryBlockDocument::rows).orElse(null)))
                    .into(new ArrayList<>()))
        .flatMap(List::stream)
        .iterator();
  }

  /** The ids of the blocks of a model and a date, in order. */
  public List<String> ids(String model, LocalDate date) {
    List<String> ids =
        blocks
            .find(ofPrefix(model + "/" + date + "/"))
            .projection(Projections.include("_id"))
            .map(document -> document.getString("_id"))
            .into(new ArrayList<>());
    ids.sort(Comparator.naturalOrder());
    return ids;
  }

  /** A block by its id; empty if there is no such document, or it has not the shape of a block. */
  public Optional<QueryBlock> find(String id) {
    return Optional.ofNullable(blocks.find(Filters.eq(id)).first())
        .flatMap(document -> wellFormed(document, QueryBlockDocument::block));
  }

  /** What is read of a document; empty if it has not the shape of a block. */
  private static <T> Optional<T> wellFormed(Document document, Function<Document, T> read) {
    try {
      return Optional.of(read.apply(document));
    } catch (ClassCastException
        | DateTimeException
        | IllegalArgumentException
        | IndexOutOfBoundsException
        | NullPointerException malformed) {
      return Optional.empty();
    }
  }

  /**
   * Removes a model's blocks of the dates before this one.
   *
   * @return how many
   */
  public long removeBefore(String model, LocalDate date) {
    return blocks
        .deleteMany(
            Filters.and(Filters.gte("_id", model + "/"), Filters.lt("_id", model + "/" + date)))
        .getDeletedCount();
  }

  private static Bson ofPrefix(String prefix) {
    return Filters.and(Filters.gte("_id", prefix), Filters.lt("_id", prefix + '\uffff'));
  }
}
