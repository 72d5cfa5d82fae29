package retune.loop;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoDatabase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bson.Document;
import org.bson.types.Binary;
import retune.core.data.Hashing;

/** Everything a store holds, as comparable text: without the times at which it was written. */
final class StoreContent {
  private static final String TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z?";
  private static final String VERSION_TIME = "\\b\\d{8}_\\d{6}\\b";

  private StoreContent() {}

  /**
   * Each collection's documents, sorted.
   *
   * @param folder where the steps wrote files, which documents may name
   */
  static Map<String, List<String>> of(String mongoUri, Path folder) {
    Map<String, List<String>> content = new TreeMap<>();
    try (MongoClient client = MongoClients.create(mongoUri)) {
      MongoDatabase database = client.getDatabase("retune");
      for (String name : database.listCollectionNames()) {
        List<String> documents = new ArrayList<>();
        for (Document document : database.getCollection(name).find().batchSize(100)) {
          documents.add(text(name, document).replace(folder.toString(), "FOLDER"));
        }
        documents.sort(null);
        content.put(name, documents);
      }
    }
    return content;
  }

  private static String text(String collection, Document document) {
    if (collection.equals("fs.chunks")) {
      document.remove("_id"); // an id that GridFS draws
    }
    document.replaceAll(
        (key, value) -> value instanceof Binary bytes ? Hashing.sha256(bytes.getData()) : value);
    return new Document(sorted(document))
        .toJson()
        .replaceAll(TIME, "TIME")
        .replaceAll(VERSION_TIME, "VERSION")
        .replaceAll("\"seconds\": [0-9.E-]+", "SECONDS");
  }

  /** The same fields in alphabetical order: the order they are written in means nothing. */
  private static Map<String, Object> sorted(Map<String, Object> fields) {
    Map<String, Object> sorted = new TreeMap<>(fields);
    sorted.replaceAll(
        (name, value) -> value instanceof Document inner ? new Document(sorted(inner)) : value);
    return sorted;
  }
}
