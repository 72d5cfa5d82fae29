package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoCursor;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Sorts;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
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
   * Labels in one answer of a server. The embedded store has no limit of its own: a million labels
   * would be a message of 240 MB, which the driver refuses.
   */
  private static final int LABELS_AT_ONCE = 1_000;

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
    List<Label> all = new ArrayList<>();
    forEach(model, all::add);
    return all;
  }

  /** Gives all labels of a model in the order of their arrival, holding those of a second. */
  public void forEach(String model, Consumer<Label> action) {
    List<Label> second = new ArrayList<>();
    try (MongoCursor<Document> found =
        labels
            .find(
                Filters.and(
                    Filters.gte("_id", model + "/"), Filters.lt("_id", model + "/" + '\uffff')))
            .sort(Sorts.ascending("_id"))
            .batchSize(LABELS_AT_ONCE)
            .iterator()) {
      while (found.hasNext()) {
        Label label = label(found.next());
        if (!second.isEmpty() && !isOneSecond(second.getFirst(), label)) {
          give(second, action);
        }
        second.add(label);
      }
    }
    give(second, action);
  }

  /** Within a second, the order of ids is not that of times: 10.5Z comes before 10Z. */
  private static void give(List<Label> second, Consumer<Label> action) {
    second.sort(Comparator.comparing(Label::receivedAt));
    second.forEach(action);
    second.clear();
  }

  private static boolean isOneSecond(Label first, Label second) {
    return first.receivedAt.getEpochSecond() == second.receivedAt.getEpochSecond();
  }

  private static Label label(Document document) {
    return new Label(
        document.getString("key"),
        document.getString("label"),
        document.getString("by"),
        Instant.parse(document.getString("received_at")));
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
