package retune.steps.data;

import java.time.LocalDate;
import java.util.List;
import java.util.Optional;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.distribution.DaySampler;
import retune.core.distribution.Drill;
import retune.core.distribution.FeatureColumn;
import retune.core.distribution.HeldBackTexts;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;
import retune.core.distribution.TextSampler;
import retune.runtime.store.Blobs.DamagedException;
import retune.runtime.store.DocumentStore;

/**
 * Stores what the days of each model are drawn from ({@code distribution_models}): its learned
 * distribution, or held-back texts. The document describes it; the content, which may exceed the
 * size limit of a document, is a blob that is named by its hash and written first.
 */
public final class DistributionStore {
  private static final String COLLECTION = "distribution_models";
  private static final String DISTRIBUTION = "distribution";
  private static final String TEXTS = "texts";

  private final DocumentStore store;

  public DistributionStore(DocumentStore store) {
    this.store = store;
  }

  /** Sets the model's distribution; returns whether it changed. */
  public boolean put(String model, TableDistribution distribution) {
    Document description =
        description(
            model,
            distribution.format(),
            distribution.sourceHash(),
            distribution.rows(),
            distribution.target(),
            distribution.columns().stream().map(FeatureColumn::name).toList());
    return put(model, DISTRIBUTION, DistributionFile.write(distribution), description);
  }

  /** Sets the texts that the model's days are drawn from; returns whether they changed. */
  public boolean put(String model, HeldBackTexts texts) {
    Document description =
        description(
            model,
            texts.format(),
            texts.sourceHash(),
            texts.rows(),
            texts.target(),
            List.of(texts.column()));
    return put(model, TEXTS, DistributionFile.write(texts), description);
  }

  private static Document description(
      String model,
      String format,
      String sourceHash,
      long rows,
      Target target,
      List<String> columns) {
    return new Document("model", model)
        .append("format", format)
        .append("source_hash", sourceHash)
        .append("rows", rows)
        .append("target", target.column())
        .append("classes", target.classes())
        .append("columns", columns);
  }

  /**
   * Sets what the model's days are drawn from.
   *
   * @param kind the field that names the blob
   */
  private boolean put(String model, String kind, byte[] json, Document description) {
    String blob = "distributions/" + Hashing.sha256(json);
    if (blob.equals(blobOf(model, kind).orElse("")) && isWhole(blob)) {
      return false;
    }
    store.blobs().put(blob, json);
    store.events().record(COLLECTION, model, description.append(kind, blob));
    return true;
  }

  /** Whether the model has a distribution. */
  public boolean has(String model) {
    return blobOf(model, DISTRIBUTION).isPresent();
  }

  /**
   * Draws the model's days.
   *
   * @throws InvalidInputException if there is nothing to draw them from, it is damaged, or the
   *     drill does not suit it
   */
  public DaySampler sampler(String model, long seed, LocalDate logicalDate, Drill drill) {
    return blobOf(model, TEXTS).isPresent()
        ? new TextSampler(
            DistributionFile.readTexts(bytes(name(model)), model), seed, logicalDate, drill)
        : new TableSampler(get(model), seed, logicalDate, drill);
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
   * Returns the name of the blob, which identifies what the days are drawn from.
   *
   * @throws InvalidInputException if there is nothing to draw them from
   */
  public String name(String model) {
    return blobOf(model, DISTRIBUTION)
        .or(() -> blobOf(model, TEXTS))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "The model '"
                        + model
                        + "' has no distribution; add one with register_distribution or"
                        + " learn_distribution --register."));
  }

  private Optional<String> blobOf(String model, String kind) {
    return store.events().find(COLLECTION, model).map(document -> document.getString(kind));
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
