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
 * What has been written of batches in shards ({@code raw_parts}): a document a shard, written after
 * its rows. It stays with the batch, so that a step that is tried again after the batch was sealed
 * finds it.
 */
final class RawParts {
  /**
   * A shard that is there.
   *
   * @param header see {@link RawRows#header}; empty where the shard has no rows
   */
  record Part(String header, List<Chunk> chunks) {}

  private static final String CHUNKS = "chunks";

  private final MongoCollection<Document> parts;
  private final Clock clock;

  RawParts(MongoDatabase database, Clock clock) {
    this.parts = database.getCollection("raw_parts");
    this.clock = clock;
  }

  /** The shard, where it was written by the batch's recipe. */
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

  /** Removes the batch's shards from an index on: those of an earlier run with more of them. */
  void removeFrom(String batchId, int index) {
    Documents.remove(
        parts, IntStream.range(index, Shard.MOST).mapToObj(shard -> id(batchId, shard)).toList());
  }

  private static String id(String batchId, int shard) {
    return batchId + "/" + shard;
  }
}
