package retune.judgement;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Map;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.data.Shard;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Predictions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.FeatureCache;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Probabilities;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * One version measured on one batch, as {@code performance_metrics} keeps it.
 *
 * @param features where the encoded rows came from
 */
public record MeasuredVersion(
    ModelVersion version,
    ProcessedBatch batch,
    Evaluation evaluation,
    FeatureCache.Source features) {
  public static final String COLLECTION = "performance_metrics";

  private static final DateTimeFormatter MODEL_VERSION =
      DateTimeFormatter.ofPattern("uuuuMMdd_HHmmss");

  /** Measures on all labelled rows. */
  public static MeasuredVersion ofAll(StepContext context, String modelId, Batch batch) {
    return measure(
        context,
        modelId,
        batch.description(),
        batch.rows().labels(),
        (version, engine) -> new FeatureCache(context).answers(version, engine, batch));
  }

  /** The same from shards that {@link #keepShard} has kept. */
  public static MeasuredVersion ofShards(
      StepContext context, String modelId, ProcessedBatch batch, int shards) {
    return measure(
        context,
        modelId,
        batch,
        context.store().processedBatches().labels(batch),
        (version, engine) ->
            new FeatureCache(context).answersOfShards(version, engine, batch, shards));
  }

  /** Keeps what {@link #ofShards} needs of one shard. */
  public static FeatureCache.Source keepShard(
      StepContext context, String modelId, ProcessedBatch batch, Shard shard) {
    ModelVersion version = version(context, modelId, batch);
    try (Engine engine = engine(context, version, batch)) {
      return new FeatureCache(context).keepShard(version, engine, batch, shard);
    }
  }

  /**
   * Measures on some rows.
   *
   * @param selection names the rows
   */
  public static MeasuredVersion ofSome(
      StepContext context, String modelId, Batch batch, int[] rows, String selection) {
    return measure(
        context,
        modelId,
        batch.description(),
        Arrays.stream(rows).map(row -> batch.rows().labels()[row]).toArray(),
        (version, engine) -> {
          FeatureCache.Encoded encoded =
              new FeatureCache(context).some(version, engine, batch, rows, selection);
          return new FeatureCache.Answers(
              engine.head(encoded.values(), rows.length), encoded.source());
        });
  }

  private interface Answering {
    FeatureCache.Answers of(ModelVersion version, Engine engine);
  }

  private static MeasuredVersion measure(
      StepContext context,
      String modelId,
      ProcessedBatch batch,
      int[] labels,
      Answering answering) {
    ModelVersion version = version(context, modelId, batch);
    try (Engine engine = engine(context, version, batch)) {
      FeatureCache.Answers answers = answering.of(version, engine);
      Predictions predictions =
          Predictions.of(
              version.target(),
              labels,
              Probabilities.rowMajor(answers.logits(), version.target().classes().size()),
              version.decisionThreshold());
      return new MeasuredVersion(version, batch, Evaluation.of(predictions), answers.source());
    }
  }

  private static ModelVersion version(StepContext context, String modelId, ProcessedBatch batch) {
    ModelVersion version = new ModelStore(context.store(), context.clock()).get(modelId);
    if (version.kind() == ModelVersion.Kind.PRETRAINED) {
      throw new InvalidInputException(
          "'"
              + modelId
              + "' is an encoder without a head and answers nothing; train_model makes"
              + " a version with a head from it.");
    }
    Batch.require(batch, version);
    return version;
  }

  /** The engine for the whole batch, also where a shard of it is to be worked on. */
  private static Engine engine(StepContext context, ModelVersion version, ProcessedBatch batch) {
    ModelStore models = new ModelStore(context.store(), context.clock());
    return Engines.open(version, models.weights(version), batch.rows());
  }

  /** Keeps the result under the model, the batch's content and the dataset's name. */
  public void keep(StepContext context, String datasetName) {
    Map<String, Object> report =
        evaluation.toReport(version.preprocessing().schema().size(), trainingDate());
    context
        .store()
        .events()
        .record(
            COLLECTION,
            id(version.modelId(), batch.contentHash(), datasetName),
            new Document("model_id", version.modelId())
                .append("dataset_name", datasetName)
                .append("metrics", new Document(report))
                .append("data_path", batch.batchId())
                .append("content_hash", batch.contentHash())
                .append("rows", batch.rows())
                .append("labelled", batch.labelled())
                .append("decision_threshold", version.decisionThreshold()));
  }

  public static String id(String modelId, String contentHash, String datasetName) {
    return modelId + "/" + contentHash + "/" + datasetName;
  }

  private String trainingDate() {
    return LocalDateTime.parse(version.modelVersion(), MODEL_VERSION)
        .format(DateTimeFormatter.ISO_LOCAL_DATE_TIME);
  }
}
