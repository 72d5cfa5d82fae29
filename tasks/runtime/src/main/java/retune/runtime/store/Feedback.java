package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import org.bson.Document;
import org.jspecify.annotations.Nullable;

/**
 * Labels that callers sent for rows of the query log, in the collection {@code feedback}, as they
 * came. {@code ingest_labels} takes them into the late labels once their rows are there: when they
 * come, the day of their rows is mostly not over.
 */
public final class Feedback {
  private static final String COLLECTION = "feedback";

  /**
   * A label for a row.
   *
   * @param key of the row, see {@link QueryBlock.Row#key}
   * @param by the owner of the token that it was sent with; null without one
   */
  public record Label(String key, String label, @Nullable String by, Instant receivedAt) {}

  private final MongoCollection<Document> labels;

  Feedback(MongoDatabase database) {
    this.labels = database.getCollection(COLLECTION);
  }

  /** Adds labels, which came in this order; nothing that is there already changes. */
  public void add(String model, List<Label> arrived) {
    String request = UUID.randomUUID().toString();
    List<Document> documents = new ArrayList<>();
    for (Label label : arrived) {
      documents.add(
          new Document(
                  "_id",
                  "%s/%s/%s/%04d".formatted(model, label.receivedAt, request, documents.size()))
              .append("model", model)
              .append("key", label.key)
              .append("label", label.label)
              .append("by", label.by)
              .append("received_at", label.receivedAt.toString()));
    }
    Documents.insertMissing(labels, documents);
  }

  /** All labels of a model in the order of their arrival. */
  public List<Label> read(String model) {
    return labels
        .find(
            Filters.and(Filters.gte("_id", model + "/"), Filters.lt("_id", model + "/" + '\uffff')))
        .into(new ArrayList<>())
        .stream()
        .sorted(
            Comparator.comparing((Document label) -> Instant.parse(label.getString("received_at")))
                .thenComparing(label -> label.getString("_id")))
        .map(
            label ->
                new Label(
                    label.getString("key"),
                    label.getString("label"),
                    label.getString("by"),
                    Instant.parse(label.getString("received_at"))))
        .toList();
  }

  /**
   * Removes what came before a date, UTC.
   *
   * @return how many labels
   */
  public long removeBefore(String model, LocalDate date) {
    return labels
        .deleteMany(
            Filters.and(Filters.gte("_id", model + "/"), Filters.lt("_id", model + "/" + date)))
        .getDeletedCount();
  }
}
