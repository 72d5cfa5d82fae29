package retune.loop;

import com.mongodb.ConnectionString;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoDatabase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.bson.Document;
import org.bson.types.Binary;
import retune.core.data.Hashing;

/** All documents of a database as comparable text, without the times at which they were written. */
final class StoreContent {
  private static final String TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z?";
  private static final String VERSION_TIME = "\\b\\d{8}_\\d{6}\\b";

  private StoreContent() {}

  /**
   * The documents of each collection, sorted.
   *
   * @param folder the folder that the steps wrote files to; its name is left out
   */
  static Map<String, List<String>> of(String mongoUri, Path folder) {
    Map<String, List<String>> content = new TreeMap<>();
    try (MongoClient client = MongoClients.create(mongoUri)) {
      String name = new ConnectionString(mongoUri).getDatabase();
      MongoDatabase database = client.getDatabase(Objects.requireNonNull(name));
      for (String collection : database.listCollectionNames()) {
        List<String> documents = new ArrayList<>();
        for (Document document : database.getCollection(collection).find().batchSize(100)) {
          documents.add(text(collection, document).replace(folder.toString(), "FOLDER"));
        }
        documents.sort(null);
        content.put(collection, documents);
      }
    }
    return content;
  }

  private static String text(String collection, Document document) {
    if (collection.equals("fs.chunks")) {
      document.remove("_id"); // drawn at random
    }
    document.replaceAll(
        (key, value) -> value instanceof Binary bytes ? Hashing.sha256(bytes.getData()) : value);
    return new Document(sorted(document))
        .toJson()
        .replaceAll(TIME, "TIME")
        .replaceAll(VERSION_TIME, "VERSION")
        .replaceAll("\"seconds\": [0-9.E-]+", "SECONDS");
  }

  /** The same fields in alphabetical order: their order has no meaning. */
  private static Map<String, Object> sorted(Map<String, Object> fields) {
    Map<String, Object> sorted = new TreeMap<>(fields);
    sorted.replaceAll(
        (name, value) -> value instanceof Document inner ? new Document(sorted(inner)) : value);
    return sorted;
  }
}
