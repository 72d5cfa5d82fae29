package retune.runtime.store;

import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.IndexOptions;
import java.util.List;
import org.bson.Document;

/**
 * The indexes of a database, created when it is first opened. Steps read by {@code _id} or by a
 * unique key, which are the only look-ups that the embedded store answers without a scan. The other
 * indexes speed up people's queries on a MongoDB server.
 */
final class Indexes {
  private record Index(String collection, String name, List<String> fields, boolean unique) {}

  /** Increase this with every change to the list below. */
  private static final int VERSION = 1;

  private static final List<Index> ALL =
      List.of(
          new Index(
              "fs.files", "filename_1_uploadDate_1", List.of("filename", "uploadDate"), false),
          new Index(Blobs.CHUNKS, "files_id_1_n_1", List.of("files_id", "n"), true),
          new Index(RawBatches.ROWS, "batch", List.of("batch_id"), false),
          new Index(ProcessedBatches.ROWS, "batch", List.of("batch_id"), false),
          new Index("performance_metrics", "model", List.of("model_id"), false));

  private Indexes() {}

  static void createOnce(MongoDatabase database) {
    var versions = database.getCollection("store_versions");
    Document created = versions.find(Filters.eq("indexes")).first();
    if (created != null && created.getInteger("version") == VERSION) {
      return;
    }
    for (Index index : ALL) {
      Document keys = new Document();
      index.fields().forEach(field -> keys.append(field, 1));
      database
          .getCollection(index.collection())
          .createIndex(keys, new IndexOptions().name(index.name()).unique(index.unique()));
    }
    Documents.put(versions, "indexes", new Document("version", VERSION));
  }
}
