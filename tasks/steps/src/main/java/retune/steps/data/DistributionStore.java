package retune.steps.data;

import java.util.Optional;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.distribution.FeatureColumn;
import retune.core.distribution.TableDistribution;
import retune.runtime.store.Blobs.DamagedException;
import retune.runtime.store.DocumentStore;

/**
 * Stores the learned distribution of each model ({@code distribution_models}). The document
 * describes it; marginals and correlations, which may exceed the size limit of a document, are a
 * blob that is named by its hash and written first.
 */
public final class DistributionStore {
  private static final String COLLECTION = "distribution_models";

  private final DocumentStore store;

  public DistributionStore(DocumentStore store) {
    this.store = store;
  }

  /** Sets the model's distribution; returns whether it changed. */
  public boolean put(String model, TableDistribution distribution) {
    byte[] json = DistributionFile.write(distribution);
    String blob = "distributions/" + Hashing.sha256(json);
    if (blob.equals(blobOf(model).orElse("")) && isWhole(blob)) {
      return false;
    }
    store.blobs().put(blob, json);
    store
        .events()
        .record(
            COLLECTION,
            model,
            new Document("model", model)
                .append("format", distribution.format())
                .append("source_hash", distribution.sourceHash())
                .append("rows", distribution.rows())
                .append("target", distribution.target().column())
                .append("classes", distribution.target().classes())
                .append(
                    "columns", distribution.columns().stream().map(FeatureColumn::name).toList())
                .append("distribution", blob));
    return true;
  }

  /** Whether the model has a distribution. */
  public boolean has(String model) {
    return blobOf(model).isPresent();
  }

  /**
   * Returns the model's distribution.
   *
   * @throws InvalidInputException if the model has none, or if it is damaged
   */
  public TableDistribution get(String model) {
    return DistributionFile.read(bytes(name(model)), "The store's distribution of '" + model + "'");
  }

  /**
   * Returns the name of the blob, which identifies the content.
   *
   * @throws InvalidInputException if the model has no distribution
   */
  public String name(String model) {
    return blobOf(model)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "The model '"
                        + model
                        + "' has no distribution; add one with register_distribution or"
                        + " learn_distribution --register."));
  }

  private Optional<String> blobOf(String model) {
    return store
        .events()
        .find(COLLECTION, model)
        .map(document -> document.getString("distribution"));
  }

  private boolean isWhole(String blob) {
    try {
      return store.blobs().get(blob).isPresent();
    } catch (DamagedException e) {
      return false;
    }
  }

  private byte[] bytes(String blob) {
    try {
      return store
          .blobs()
          .get(blob)
          .orElseThrow(
              () ->
                  new InvalidInputException(
                      "The store has no blob '" + blob + "'; register the distribution again."));
    } catch (DamagedException e) {
      throw new InvalidInputException(e.getMessage() + " Register the distribution again.", e);
    }
  }
}
