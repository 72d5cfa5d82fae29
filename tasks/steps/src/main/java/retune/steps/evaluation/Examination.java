package retune.steps.evaluation;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Map;
import org.bson.Document;
import retune.core.InvalidInputException;
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

/**
 * One version measured on one batch, as {@code performance_metrics} keeps it.
 *
 * @param features where the encoded rows came from
 */
record Examination(
    ModelVersion version, Batch batch, Evaluation evaluation, FeatureCache.Source features) {
  static final String COLLECTION = "performance_metrics";

  private static final DateTimeFormatter MODEL_VERSION =
      DateTimeFormatter.ofPattern("uuuuMMdd_HHmmss");

  /** Measures on all labelled rows. */
  static Examination ofAll(StepContext context, String modelId, Batch batch) {
    return examine(
        context,
        modelId,
        batch,
        batch.rows().labels(),
        (version, engine) -> new FeatureCache(context).answers(version, engine, batch));
  }

  /**
   * Measures on some rows.
   *
   * @param selection names the rows
   */
  static Examination ofSome(
      StepContext context, String modelId, Batch batch, int[] rows, String selection) {
    return examine(
        context,
        modelId,
        batch,
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

  private static Examination examine(
      StepContext context, String modelId, Batch batch, int[] labels, Answering answering) {
    ModelStore models = new ModelStore(context.store(), context.clock());
    ModelVersion version = models.get(modelId);
    if (version.kind() == ModelVersion.Kind.PRETRAINED) {
      throw new InvalidInputException(
          "'"
              + modelId
              + "' is an encoder without a head and answers nothing; train_model makes"
              + " a version with a head from it.");
    }
    batch.requireFor(version);
    try (Engine engine =
        Engines.open(version, models.weights(version), batch.description().rows())) {
      FeatureCache.Answers answers = answering.of(version, engine);
      int classes = version.target().classes().size();
      Predictions predictions =
          Predictions.of(
              version.target(),
              labels,
              Arrays.stream(Probabilities.of(answers.logits(), classes))
                  .flatMapToDouble(Arrays::stream)
                  .toArray(),
              version.decisionThreshold());
      return new Examination(version, batch, Evaluation.of(predictions), answers.source());
    }
  }

  /** Keeps the result under the model, the batch's content and the dataset's name. */
  void keep(StepContext context, String datasetName) {
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
                .append("data_path", batch.id())
                .append("content_hash", batch.contentHash())
                .append("rows", batch.description().rows())
                .append("labelled", batch.description().labelled())
                .append("decision_threshold", version.decisionThreshold()));
  }

  static String id(String modelId, String contentHash, String datasetName) {
    return modelId + "/" + contentHash + "/" + datasetName;
  }

  private String trainingDate() {
    return LocalDateTime.parse(version.modelVersion(), MODEL_VERSION)
        .format(DateTimeFormatter.ISO_LOCAL_DATE_TIME);
  }
}
