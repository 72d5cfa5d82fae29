package retune.model;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoWriteException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.time.Instant;
import java.util.Optional;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.runtime.store.DocumentStore;

/** The production pointer of each model, moved by compare-and-set. */
public final class Champions {
  /**
   * The version of a model that is in production.
   *
   * @param previousModelId the version before it; null for the first
   * @param bestModelId the best version ever approved
   * @param deployedAt when deploy_model finished with this version, ISO 8601 UTC; null before that
   * @param revision 1 for the first champion; each promotion adds 1
   */
  public record Champion(
      String model,
      String modelId,
      @Nullable String previousModelId,
      String bestModelId,
      @Nullable String deployedAt,
      long revision) {
    /** Whether deploy_model has finished with this version. */
    public boolean deployed() {
      return deployedAt != null;
    }

    /** The pointer after a promotion of another version. */
    public Champion followedBy(String nextModelId, String nextBestModelId) {
      return new Champion(model, nextModelId, modelId, nextBestModelId, null, revision + 1);
    }
  }

  private final MongoCollection<Document> pointers;

  public Champions(DocumentStore store) {
    this.pointers = store.collection("champions");
  }

  public Optional<Champion> find(String model) {
    return Optional.ofNullable(pointers.find(Filters.eq(model)).first())
        .map(
            pointer ->
                new Champion(
                    model,
                    pointer.getString("model_id"),
                    pointer.getString("previous_model_id"),
                    pointer.getString("best_model_id"),
                    pointer.getString("deployed_at"),
                    pointer.get("revision", Number.class).longValue()));
  }

  /** Makes the version the first champion; false if the model already has one. */
  public boolean install(String model, String modelId) {
    try {
      pointers.insertOne(
          new Document("_id", model)
              .append("model_id", modelId)
              .append("previous_model_id", null)
              .append("best_model_id", modelId)
              .append("challenger", null)
              .append("deployed_at", null)
              .append("revision", 1L));
      return true;
    } catch (MongoWriteException e) {
      if (e.getError().getCategory() != ErrorCategory.DUPLICATE_KEY) {
        throw e;
      }
      return false;
    }
  }

  /**
   * Promotes a version if the pointer is still {@code expected}; false if another promotion was
   * first.
   */
  public boolean promote(Champion expected, String modelId, String bestModelId) {
    Champion next = expected.followedBy(modelId, bestModelId);
    return change(
        expected,
        Updates.combine(
            Updates.set("model_id", next.modelId),
            Updates.set("previous_model_id", next.previousModelId),
            Updates.set("best_model_id", next.bestModelId),
            Updates.set("deployed_at", next.deployedAt),
            Updates.set("revision", next.revision)));
  }

  /**
   * Marks the champion as deployed if it is still the champion; false if another version was
   * promoted in the meantime.
   */
  public boolean markDeployed(Champion expected, Instant deployedAt) {
    return change(expected, Updates.set("deployed_at", deployedAt.toString()));
  }

  private boolean change(Champion expected, Bson update) {
    Bson unmoved =
        Filters.and(Filters.eq(expected.model), Filters.eq("revision", expected.revision));
    return pointers.updateOne(unmoved, update).getMatchedCount() == 1;
  }
}
