package retune.judgement;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.data.Shard;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.FeatureTable;
import retune.core.statistics.Influence;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.model.batch.FeatureCache;
import retune.model.batch.FeatureSource;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Outputs;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The metrics of one version on one batch, as {@code performance_metrics} keeps them. Rows that the
 * version, or one that it was made from, was trained on are left out.
 *
 * @param rows the measured rows' positions in the batch
 * @param predictions the version's, for these rows
 * @param evaluation the metrics of the predictions
 * @param features where the encoded rows came from
 */
public record MeasuredVersion(
    ModelVersion version,
    ProcessedBatch batch,
    int[] rows,
    Predictions predictions,
    Evaluation evaluation,
    FeatureCache.Source features) {
  public static final String COLLECTION = "performance_metrics";

  /** The field of a result that names its {@link KeptPredictions}. */
  public static final String PREDICTIONS = "predictions";

  /** The field of a result with the index of the positive class. */
  static final String POSITIVE = "positive";

  /** The field of a result with the standard error of the ROC AUC. */
  static final String ROC_AUC_ERROR = "roc_auc_error";

  private static final Logger LOGGER = System.getLogger(MeasuredVersion.class.getName());

  /** Measures on all labelled rows that training has not seen. */
  public static MeasuredVersion ofAll(StepContext context, String modelId, Batch batch) {
    int[] labelled = labelled(batch.rows().labels());
    return ofRows(
        context, modelId, batch, unseen(context, batch.description(), labelled, Set.of(modelId)));
  }

  /**
   * Measures on labelled rows of a batch whose encoded rows are kept, or are to be kept, as a
   * whole.
   *
   * @param rows positions in the batch, ascending
   */
  public static MeasuredVersion ofRows(
      StepContext context, String modelId, Batch batch, int[] rows) {
    return measureWhole(
        context,
        modelId,
        batch.description(),
        rows,
        batch.rows().labels(),
        (version, engine) -> new FeatureCache(context).answers(version, engine, batch));
  }

  /** The same from shards that {@link #keepShard} has kept. */
  public static MeasuredVersion ofShards(
      StepContext context, String modelId, ProcessedBatch batch, int shards) {
    int[] labels = context.store().processedBatches().labels(batch);
    return measureWhole(
        context,
        modelId,
        batch,
        unseen(context, batch, labelled(labels), Set.of(modelId)),
        labels,
        (version, engine) ->
            new FeatureCache(context).answersOfShards(version, engine, batch, shards));
  }

  /**
   * The same from answers to all rows of the batch.
   *
   * @param labels of all rows
   * @param logits of all rows, see {@link FeatureCache.Answered}
   */
  static MeasuredVersion ofAnswers(
      ModelVersion version, ProcessedBatch batch, int[] rows, int[] labels, float[] logits) {
    Predictions predictions = Outputs.of(logits, version).against(only(rows, labels));
    return new MeasuredVersion(
        version,
        batch,
        rows,
        predictions,
        Evaluation.of(predictions),
        FeatureCache.Source.NOT_KEPT);
  }

  /**
   * The same on the measured rows that are among these.
   *
   * @param among positions in the batch, ascending
   */
  MeasuredVersion on(int[] among) {
    int[] kept =
        IntStream.range(0, rows.length)
            .filter(i -> Arrays.binarySearch(among, rows[i]) >= 0)
            .toArray();
    if (kept.length == rows.length) {
      return this;
    }
    Predictions some = predictions.select(kept);
    return new MeasuredVersion(
        version,
        batch,
        Arrays.stream(kept).map(i -> rows[i]).toArray(),
        some,
        Evaluation.of(some),
        features);
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
        rows,
        Arrays.stream(rows).map(row -> batch.rows().labels()[row]).toArray(),
        (version, engine) -> {
          FeatureCache.Encoded encoded =
              new FeatureCache(context).some(version, engine, batch, rows, selection);
          return new FeatureCache.Answers(
              engine.head(encoded.values(), rows.length), encoded.source());
        });
  }

  /**
   * The rows among these that no training has seen of the versions or of any that they were made
   * from; an {@link InvalidInputException} where none is left.
   */
  public static int[] unseen(
      StepContext context, ProcessedBatch batch, int[] rows, Set<String> modelIds) {
    ModelStore models = new ModelStore(context);
    Set<String> trainedOn =
        modelIds.stream()
            .flatMap(modelId -> models.trainedOn(models.get(modelId)).stream())
            .collect(Collectors.toSet());
    boolean[] seen = DataSplit.seenRows(context, batch, trainedOn);
    int[] unseen = Arrays.stream(rows).filter(row -> !seen[row]).toArray();
    if (unseen.length < rows.length) {
      LOGGER.log(
          Level.INFO,
          "%d of %d labelled rows of '%s' are left out: %s was trained on them, or a version that it"
                  .formatted(
                      rows.length - unseen.length,
                      rows.length,
                      batch.batchId(),
                      String.join(" or ", new TreeSet<>(modelIds)))
              + " was made from.");
    }
    if (unseen.length == 0 && rows.length > 0) {
      throw new InvalidInputException(
          "'%s' has no row left to judge %s on: all were trained on. Judge it on another batch."
              .formatted(batch.batchId(), String.join(" and ", new TreeSet<>(modelIds))));
    }
    return unseen;
  }

  private interface Answering {
    FeatureCache.Answers of(ModelVersion version, Engine engine);
  }

  static int[] labelled(int[] labels) {
    return IntStream.range(0, labels.length)
        .filter(row -> labels[row] != Target.UNLABELLED)
        .toArray();
  }

  /**
   * Measures on some rows of a batch.
   *
   * @param rows positions in the batch, ascending
   * @param labels of all rows, which are all answered
   */
  private static MeasuredVersion measureWhole(
      StepContext context,
      String modelId,
      ProcessedBatch batch,
      int[] rows,
      int[] labels,
      Answering answering) {
    return measure(context, modelId, batch, rows, only(rows, labels), answering);
  }

  /** The labels, of which all but those of some rows are unknown. */
  private static int[] only(int[] rows, int[] labels) {
    int[] some = new int[labels.length];
    Arrays.fill(some, Target.UNLABELLED);
    for (int row : rows) {
      some[row] = labels[row];
    }
    return some;
  }

  /**
   * Measures on the rows that have a label.
   *
   * @param rows positions of these rows in the batch
   * @param labels of the answered rows
   */
  private static MeasuredVersion measure(
      StepContext context,
      String modelId,
      ProcessedBatch batch,
      int[] rows,
      int[] labels,
      Answering answering) {
    ModelVersion version = version(context, modelId, batch);
    try (Engine engine = engine(context, version, batch)) {
      FeatureCache.Answers answers = answering.of(version, engine);
      Predictions predictions = Outputs.of(answers.logits(), version).against(labels);
      return new MeasuredVersion(
          version, batch, rows, predictions, Evaluation.of(predictions), answers.source());
    }
  }

  private static ModelVersion version(StepContext context, String modelId, ProcessedBatch batch) {
    ModelVersion version = new ModelStore(context).get(modelId);
    version.requireHead();
    Batch.require(batch, version);
    return version;
  }

  /** The engine for the whole batch, also where a shard of it is to be worked on. */
  private static Engine engine(StepContext context, ModelVersion version, ProcessedBatch batch) {
    ModelStore models = new ModelStore(context);
    return Engines.open(version, models.weights(version), batch.rows());
  }

  /**
   * Features of the measured rows as a person reads them.
   *
   * @param source the features of the batch that was measured
   * @param wanted which features, by name
   */
  public Table columns(FeatureSource source, Predicate<String> wanted) {
    return Table.joined(
        source.map(rows, some -> FeatureTable.of(version.preprocessing(), some, wanted)));
  }

  /** A copy of the first measured rows, at most so many. */
  Features firstRows(FeatureSource source, int most) {
    int[] first = Arrays.copyOf(rows, Math.min(most, rows.length));
    return Features.joined(source.map(first, Function.identity()));
  }

  /**
   * Keeps the predictions and returns their id; null if they are too many to keep.
   *
   * @see KeptPredictions
   */
  public @Nullable String keepPredictions(StepContext context) {
    return answered().keep(context);
  }

  AnsweredRows answered() {
    return new AnsweredRows(version, batch, rows, predictions);
  }

  /**
   * Keeps the predictions, then the result under the model, the batch's content and the dataset's
   * name; returns the predictions' id, null if they are too many to keep.
   */
  public @Nullable String keep(StepContext context, String datasetName) {
    String predictionsId = keepPredictions(context);
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
                .append("judged_rows", evaluation.rows())
                .append("decision_threshold", version.decisionThreshold())
                .append(POSITIVE, predictions.positive())
                .append(ROC_AUC_ERROR, Influence.of(Metric.ROC_AUC, predictions).standardError())
                .append(PREDICTIONS, predictionsId));
    return predictionsId;
  }

  public static String id(String modelId, String contentHash, String datasetName) {
    return modelId + "/" + contentHash + "/" + datasetName;
  }

  private String trainingDate() {
    return DateTimeFormatter.ISO_LOCAL_DATE_TIME.format(version.madeAt().atOffset(ZoneOffset.UTC));
  }
}
