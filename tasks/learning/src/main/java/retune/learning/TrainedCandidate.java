package retune.learning;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.model.ModelVersion.Epoch;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;

/**
 * How a candidate of a retraining was trained, epoch by epoch, also where it was not registered.
 * The collection {@code training_candidates} holds it under {@code MODEL/RETRAINING/NUMBER};
 * another try of the task replaces it by the same.
 *
 * @param dataPath the training set
 * @param number from 1
 * @param trial which of its settings, from 1
 * @param modelId null where it was not registered
 * @param validationValue the metric on the validation rows; null where nothing was trained
 * @param championValue that of the version in production on the same rows
 * @param bestEpoch the epoch or round that was kept, from 1; 0 where nothing was trained
 * @param settings of its training, by name
 * @param history one entry per epoch or round
 * @param reason why it was not registered, as a sentence
 */
record TrainedCandidate(
    String dataPath,
    int number,
    int trial,
    String strategy,
    @Nullable String modelId,
    Metric metric,
    @Nullable Double validationValue,
    double championValue,
    int trainingRows,
    int validationRows,
    int bestEpoch,
    Map<String, Double> settings,
    List<Epoch> history,
    @Nullable String reason) {
  static final String COLLECTION = "training_candidates";

  private static final String LOG_LOSS = "log_loss";

  static TrainedCandidate of(
      String dataPath, int number, int trial, Metric metric, FinetuneModel.Attempted attempted) {
    FinetuneModel.Output output = attempted.output();
    Map<String, Double> settings = new TreeMap<>();
    if (attempted.trained() != null) {
      settings.putAll(attempted.trained().settings());
      settings.put("learning_rate", attempted.trained().learningRate());
    }
    return new TrainedCandidate(
        dataPath,
        number,
        trial,
        output.strategy(),
        output.modelId(),
        metric,
        output.validationValue(),
        output.championValidationValue(),
        attempted.trainingRows(),
        attempted.validationRows(),
        attempted.trained() == null ? 0 : attempted.trained().bestEpoch(),
        settings,
        attempted.trained() == null ? List.of() : attempted.trained().history(),
        output.reason());
  }

  void keep(StepContext context) {
    Document document =
        new Document("data_path", dataPath)
            .append("number", number)
            .append("trial", trial)
            .append("strategy", strategy)
            .append("model_id", modelId)
            .append("metric", metric.id())
            .append("validation_value", validationValue)
            .append("champion_validation_value", championValue)
            .append("train_samples", trainingRows)
            .append("validation_samples", validationRows)
            .append("best_epoch", bestEpoch)
            .append("val_loss", bestEpoch == 0 ? null : loss(history.get(bestEpoch - 1)))
            .append("settings", new Document(settings))
            .append("history", history.stream().map(this::entry).toList())
            .append("reason", reason);
    document.putAll(Provenance.of(context));
    context.store().events().record(COLLECTION, dataPath + "/" + number, document);
  }

  /** The losses of an epoch, and the metric where the epoch was measured by it. */
  private Document entry(Epoch epoch) {
    Document entry =
        new Document("epoch", epoch.epoch())
            .append("train_loss", epoch.loss())
            .append("val_loss", loss(epoch));
    Double value = epoch.validation().get(metric.id());
    return value == null ? entry : entry.append(metric.id(), value);
  }

  private static double loss(Epoch epoch) {
    return Objects.requireNonNull(epoch.validation().get(LOG_LOSS));
  }
}
