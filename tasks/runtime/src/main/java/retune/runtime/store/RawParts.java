package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bson.Document;
import retune.core.data.Shard;
import retune.runtime.store.RawBatches.Sharded;

/**
 * The shards of batches that have been written ({@code raw_parts}): one document per shard, written
 * after its rows. It is kept after the batch is sealed, so that a step that runs again finds it.
 */
final class RawParts {
  /**
   * A shard that has been written.
   *
   * @param header see {@link RawRows#header}; empty if the shard has no rows
   */
  record Part(String header, List<Chunk> chunks) {}

  private static final String CHUNKS = "chunks";

  private final MongoCollection<Document> parts;
  private final Clock clock;

  RawParts(MongoDatabase database, Clock clock) {
    this.parts = database.getCollection("raw_parts");
    this.clock = clock;
  }

  /** Returns the shard if it was written by the batch's recipe. */
  Optional<Part> find(Sharded batch, Shard shard) {
    return Optional.ofNullable(parts.find(Filters.eq(id(batch.batchId(), shard.index()))).first())
        .filter(
            part ->
                batch.recipe().equals(part.getString("recipe"))
                    && part.getInteger("shards") == shard.count())
        .map(
            part ->
                new Part(
                    part.getString("header"),
                    part.getList(CHUNKS, String.class).stream().map(Chunk::parse).toList()));
  }

  void put(Sharded batch, Shard shard, Part part) {
    Documents.put(
        parts,
        id(batch.batchId(), shard.index()),
        new Document("batch_id", batch.batchId())
            .append("shards", shard.count())
            .append("recipe", batch.recipe())
            .append("run_id", batch.runId())
            .append("header", part.header())
            .append(CHUNKS, part.chunks().stream().map(Chunk::name).toList())
            .append("timestamp", Documents.timestamp(clock)));
  }

  /** Removes the shards from an index on, which an earlier run with more shards has left. */
  void removeFrom(String batchId, int index) {
    Documents.remove(
        parts, IntStream.range(index, Shard.MOST).mapToObj(shard -> id(batchId, shard)).toList());
  }

  private static String id(String batchId, int shard) {
    return batchId + "/" + shard;
  }
}
