package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.mongodb.MongoException;
import com.mongodb.client.model.Filters;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.core.split.Part;
import retune.devstore.EmbeddedStore;
import retune.judgement.DayKey;
import retune.judgement.DayOutcome;
import retune.judgement.MeasuredVersion;
import retune.judgement.RetrainingInfo;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.batch.Attempt;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.deployment.DeployModel;
import retune.steps.deployment.NotifyDeploymentComplete;
import retune.steps.deployment.WaitForModelReady;
import retune.testing.CutConnection;
import retune.testing.TestContext;

/**
 * A store with one processed batch of two classes, and models for it whose quality is known: each
 * answers by the sign of one of four features, and those agree with the label in 96, 88, 70 and 55
 * of a hundred rows.
 */
final class Loop implements AutoCloseable {
  static final String MODEL = "credit-default";
  static final LocalDate DATE = LocalDate.parse("2026-11-05");
  static final String BATCH = MODEL + "/" + DATE;
  static final String CONTENT_HASH = Hashing.sha256("the batch");
  static final String RELABELLED_HASH = Hashing.sha256("the batch with other labels");
  static final String TABLE_HASH = Hashing.sha256("the table that the champion was trained on");
  static final int ROWS = 600;
  static final double THRESHOLD = 0.8;

  /** Some steps of a run, one after the other. */
  @FunctionalInterface
  interface Work {
    void run() throws Exception;
  }

  /** Features by how well they tell the classes apart. */
  static final int EXCELLENT = 0;

  static final int GOOD = 1;
  static final int POOR = 2;
  static final int USELESS = 3;

  private static final double[] AGREEMENT = {0.96, 0.88, 0.70, 0.55};
  private static final Architecture.Mlp ARCHITECTURE = new Architecture.Mlp(1, List.of(8), 2, 0);
  private static final Preprocessing PREPROCESSING =
      Preprocessing.given(
          List.of(), Stream.of("n0", "n1", "n2", "n3").map(NumericColumn::asIs).toList());
  private static final Target TARGET = new Target("default", List.of("0", "1"), "1");

  /** Which feature tells the classes apart as well as which of an ordinary day. */
  private static final int[] ORDINARY = {EXCELLENT, GOOD, POOR, USELESS};

  /** The best feature of ordinary days has become useless, and the other way round. */
  private static final int[] DRIFTED = {USELESS, POOR, GOOD, EXCELLENT};

  private final EmbeddedStore server;
  final DocumentStore store;
  final ModelStore models;
  TestContext context;
  final Champions champions;
  Metric metric = Metric.ACCURACY;
  Selection selection = Selection.FIRST_PASSING;
  @Nullable String loopFileHash;
  Evidence evidence = Evidence.POINT;
  String policy = PromotionPolicy.FLOOR.text();
  double retentionLimit = 0.05;
  OnConflict onConflict = OnConflict.PROMOTE;
  BelowGate belowGate = BelowGate.ALERT;
  private LocalDate date = DATE;
  private String contentHash = CONTENT_HASH;

  Loop() {
    server = EmbeddedStore.inMemory();
    store = open(server.uri());
    models = new ModelStore(store, TestContext.CLOCK);
    champions = new Champions(store);
    context = TestContext.of(store);
    writeBatch(CONTENT_HASH, PREPROCESSING.hash());
  }

  private Loop(Loop other, String runId) {
    server = other.server;
    store = other.store;
    models = other.models;
    champions = other.champions;
    context = other.context.inRun(runId);
    selection = other.selection;
    evidence = other.evidence;
    date = other.date;
    contentHash = other.contentHash;
  }

  private static DocumentStore open(String uri) {
    return DocumentStore.open(uri, Duration.ofSeconds(10), TestContext.CLOCK);
  }

  /** Another run on the same store, which may work at the same time; only this one is closed. */
  Loop beside(String runId) {
    return new Loop(this, runId);
  }

  /**
   * Runs steps whose connection breaks around a write, and whether it broke.
   *
   * @param write from 1
   */
  boolean dies(int write, CutConnection.Moment moment, Work work) throws Exception {
    TestContext undisturbed = context;
    try (CutConnection connection = new CutConnection(server.uri(), write, moment);
        DocumentStore through = open(connection.uri())) {
      context = TestContext.of(through).inRun(undisturbed.run().runId());
      work.run();
      return connection.broke();
    } catch (MongoException broken) {
      return true;
    } finally {
      context = undisturbed;
    }
  }

  /** Steps run from here on are of a run of this name. */
  void startRun(String runId) {
    context = context.inRun(runId);
  }

  /** Steps work on this day from here on, in a run of its own. */
  void startDay(LocalDate day, boolean drifted) {
    date = day;
    contentHash = Hashing.sha256("the batch of " + day + drifted);
    startRun("run of " + day);
    Rows rows = rows(ROWS, drifted ? DRIFTED : ORDINARY, day.hashCode());
    writeBatch(contentHash, "raw " + day + drifted, PREPROCESSING.hash(), rows);
  }

  /**
   * The same with an ordinary day.
   *
   * @param noise share of the labels that are exchanged
   */
  void startDay(LocalDate day, int rows, double noise) {
    date = day;
    startRun("run of " + day);
    Random random = new Random(day.hashCode() + 1);
    Rows ordinary = rows(rows, ORDINARY, day.hashCode());
    for (int row = 10; row < rows; row++) {
      if (random.nextDouble() < noise) {
        ordinary.labels()[row] = 1 - ordinary.labels()[row];
      }
    }
    String name = "%s, %d rows, noise %s".formatted(day, rows, noise);
    contentHash = Hashing.sha256(name);
    writeBatch(contentHash, name, PREPROCESSING.hash(), ordinary);
  }

  String batch() {
    return MODEL + "/" + date;
  }

  void writeBatch(String contentHash, String preprocessingHash) {
    writeBatch(contentHash, preprocessingHash, ROWS);
  }

  /** Replaces the batch by one of so many rows; returns its content hash. */
  String writeBatch(int rows) {
    String contentHash = Hashing.sha256("the batch of " + rows);
    writeBatch(contentHash, PREPROCESSING.hash(), rows);
    return contentHash;
  }

  /** Replaces the batch by one whose labelled rows are all of one class. */
  void writeBatchOfOneClass(int rows) {
    Rows day = rows(rows);
    for (int row = 0; row < rows; row++) {
      if (day.labels()[row] == 0) {
        for (float[] numbers : day.features().numbers()) {
          numbers[row] = -numbers[row];
        }
        day.labels()[row] = 1;
      }
    }
    writeBatch(Hashing.sha256("one class"), "raw one class", PREPROCESSING.hash(), day);
  }

  private void writeBatch(String contentHash, String preprocessingHash, int count) {
    writeBatch(contentHash, "raw", preprocessingHash, rows(count));
  }

  /** Replaces the batch by one whose last fifty rows repeat earlier ones; returns the repeated. */
  List<Integer> repeatRows() {
    Rows rows = rows(ROWS);
    List<Integer> repeated = new ArrayList<>();
    for (int row = ROWS - 50; row < ROWS; row++) {
      int earlier = row - 300;
      rows.labels()[row] = rows.labels()[earlier];
      rows.rowHashes()[row] = rows.rowHashes()[earlier];
      for (float[] numbers : rows.features().numbers()) {
        numbers[row] = numbers[earlier];
      }
      repeated.add(row);
    }
    writeBatch(Hashing.sha256("repeated"), "raw, repeated", PREPROCESSING.hash(), rows);
    return repeated;
  }

  /** Replaces the batch by these rows. */
  void writeDay(Rows rows) {
    writeBatch(Hashing.sha256("given day"), "raw, given", PREPROCESSING.hash(), rows);
  }

  /** Replaces the batch by the same rows with another label on every tenth. */
  void relabel() {
    Rows rows = rows(ROWS);
    for (int row = 10; row < ROWS; row += 10) {
      rows.labels()[row] = 1 - rows.labels()[row];
    }
    writeBatch(RELABELLED_HASH, "raw, labelled anew", PREPROCESSING.hash(), rows);
  }

  /** Takes the labels from the day's batch, as if they were not known yet. */
  void unlabel() {
    Rows rows = Batch.load(context, batch()).rows();
    Arrays.fill(rows.labels(), Target.UNLABELLED);
    contentHash = Hashing.sha256("unlabelled, " + contentHash);
    writeBatch(contentHash, "unlabelled", PREPROCESSING.hash(), rows);
  }

  /** Makes so many rows, like those of ordinary days, the model's reference. */
  void writeReference(int rows) {
    writeReference(rows, PREPROCESSING.hash());
  }

  void writeReference(int rows, String preprocessingHash) {
    writeBatch(
        Batch.referenceId(MODEL),
        Hashing.sha256("the reference of " + rows + preprocessingHash),
        "raw reference",
        preprocessingHash,
        rows(rows, ORDINARY, 17));
  }

  /** Makes these rows the model's reference. */
  void writeReference(Rows rows) {
    writeBatch(
        Batch.referenceId(MODEL),
        Hashing.sha256("given rows"),
        "raw reference",
        PREPROCESSING.hash(),
        rows);
  }

  /** Makes so many rows the model's reference, and after them rows of the day. */
  void writeReferenceWithRowsOfTheDay(int others, int ofTheDay) {
    Rows first = rows(others, ORDINARY, 17);
    Rows day = Batch.load(context, batch()).rows();
    int[] rows = IntStream.range(10, 10 + ofTheDay).toArray();
    writeBatch(
        Batch.referenceId(MODEL),
        Hashing.sha256("a reference with rows of the day"),
        "raw reference",
        PREPROCESSING.hash(),
        new Rows(
            Features.joined(List.of(first.features(), day.features().select(rows))),
            IntStream.concat(
                    Arrays.stream(first.labels()),
                    Arrays.stream(rows).map(row -> day.labels()[row]))
                .toArray(),
            LongStream.concat(
                    Arrays.stream(first.rowHashes()),
                    Arrays.stream(rows).mapToLong(row -> day.rowHashes()[row]))
                .toArray()));
  }

  private void writeBatch(
      String contentHash, String rawContentHash, String preprocessingHash, Rows rows) {
    writeBatch(batch(), contentHash, rawContentHash, preprocessingHash, rows);
  }

  private void writeBatch(
      String batchId,
      String contentHash,
      String rawContentHash,
      String preprocessingHash,
      Rows rows) {
    int count = rows.labels().length;
    store
        .processedBatches()
        .write(
            new ProcessedBatch(
                batchId,
                MODEL,
                date,
                "generated",
                "run",
                contentHash,
                rawContentHash,
                preprocessingHash,
                PREPROCESSING.schema(),
                count,
                count,
                count - 10,
                Map.of(),
                Map.of()),
            List.of(rows).iterator(),
            false);
  }

  /** The first ten rows have no label. */
  private static Rows rows(int count) {
    return rows(count, ORDINARY, 3);
  }

  private static Rows rows(int count, int[] agreements, int seed) {
    Random random = new Random(seed);
    int[] labels = new int[count];
    float[][] numbers = new float[AGREEMENT.length][count];
    for (int row = 0; row < count; row++) {
      int label = random.nextDouble() < 0.4 ? 1 : 0;
      labels[row] = row < 10 ? Target.UNLABELLED : label;
      for (int feature = 0; feature < AGREEMENT.length; feature++) {
        boolean agrees = random.nextDouble() < AGREEMENT[agreements[feature]];
        float size = 0.5f + random.nextFloat();
        numbers[feature][row] = (label == 1) == agrees ? size : -size;
      }
    }
    return new Rows(
        new Features(PREPROCESSING.schema(), count, new int[0][], numbers),
        labels,
        IntStream.range(0, count).mapToLong(row -> random.nextLong()).toArray());
  }

  /** Registers a version that answers by one feature. */
  String register(int feature, @Nullable String finetunedFrom, VersionStatus status) {
    return register(feature, 1, finetunedFrom, status);
  }

  /**
   * Registers a version that answers by one feature.
   *
   * @param encoderScale versions of one scale share their encoder
   */
  String register(
      int feature, float encoderScale, @Nullable String finetunedFrom, VersionStatus status) {
    return register(weights(feature, encoderScale, true), feature, finetunedFrom, status);
  }

  String registerEncoderOnly() {
    return register(weights(0, 1, false), 0, null, VersionStatus.CANDIDATE);
  }

  /** Registers a version that another preprocessing feeds, or that answers other classes. */
  String registerOther(boolean otherFeatures, VersionStatus status) {
    Preprocessing preprocessing =
        otherFeatures
            ? Preprocessing.given(
                List.of(), Stream.of("m0", "m1", "m2", "m3").map(NumericColumn::asIs).toList())
            : PREPROCESSING;
    Target target = otherFeatures ? TARGET : new Target("default", List.of("0", "2"), "2");
    return register(weights(0, 1, true), 0, null, status, preprocessing, target);
  }

  /** Registers a candidate that answers every row alike. */
  String registerConstant(String finetunedFrom) {
    SortedMap<String, Tensor> tensors = new TreeMap<>(weights(0, 1, true).tensors());
    tensors.put("fc.3.weight", new Tensor(new int[] {2, 2}, new float[4]));
    tensors.put("fc.3.bias", new Tensor(new int[] {2}, new float[] {-1, 1}));
    return register(new Weights(tensors), 0, finetunedFrom, VersionStatus.CANDIDATE);
  }

  /** Registers a candidate that also learned from rows of other batches. */
  String registerReplayed(int feature, String finetunedFrom, List<String> contents) {
    Weights weights = weights(feature, 1, true);
    ModelVersion version =
        ModelVersion.of(
            MODEL,
            Instant.parse("2026-01-09T10:15:00Z"),
            new ModelVersion.Design(ARCHITECTURE, PREPROCESSING, TARGET),
            new ModelVersion.Lineage(
                finetunedFrom, "trees", 5, 1e-4, contentHash, Map.of(), List.of(), contents),
            weights);
    models.register(version, weights, VersionStatus.CANDIDATE);
    return version.modelId();
  }

  private String register(
      Weights weights, int feature, @Nullable String finetunedFrom, VersionStatus status) {
    return register(weights, feature, finetunedFrom, status, PREPROCESSING, TARGET);
  }

  private String register(
      Weights weights,
      int feature,
      @Nullable String finetunedFrom,
      VersionStatus status,
      Preprocessing preprocessing,
      Target target) {
    ModelVersion version =
        ModelVersion.of(
            MODEL,
            Instant.parse("2026-01-09T10:15:0" + feature + "Z"),
            new ModelVersion.Design(ARCHITECTURE, preprocessing, target),
            new ModelVersion.Lineage(
                finetunedFrom,
                "head",
                5,
                1e-4,
                finetunedFrom == null ? TABLE_HASH : contentHash,
                Map.of(),
                List.of()),
            weights);
    models.register(version, weights, status);
    return version.modelId();
  }

  /** The encoder gives each feature's positive and negative part; the head looks at one of them. */
  private static Weights weights(int feature, float encoderScale, boolean head) {
    int features = AGREEMENT.length;
    float[] encoder = new float[2 * features * features];
    float[] hidden = new float[2 * 2 * features];
    for (int i = 0; i < features; i++) {
      encoder[i * features + i] = encoderScale;
      encoder[(features + i) * features + i] = -encoderScale;
    }
    hidden[feature] = 1;
    hidden[2 * features + features + feature] = 1;
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    tensors.put("encoder.layers.0.weight", new Tensor(new int[] {2 * features, features}, encoder));
    tensors.put("encoder.layers.0.bias", zeros(2 * features));
    if (head) {
      tensors.put("fc.0.weight", new Tensor(new int[] {2, 2 * features}, hidden));
      tensors.put("fc.0.bias", zeros(2));
      tensors.put("fc.3.weight", new Tensor(new int[] {2, 2}, new float[] {-1, 1, 1, -1}));
      tensors.put("fc.3.bias", zeros(2));
    }
    return new Weights(tensors);
  }

  private static Tensor zeros(int length) {
    return new Tensor(new int[] {length}, new float[length]);
  }

  EvaluateModel.Output evaluate(String modelId) {
    return evaluate(modelId, 1, null);
  }

  EvaluateModel.Output evaluate(String modelId, int shards, @Nullable Integer shard) {
    return new EvaluateModel()
        .run(
            new EvaluateModel.Input(modelId, batch(), EvaluateModel.TEST, shards, shard, 0.8, 14),
            context);
  }

  CheckModelPerformance.Output check(String modelId) {
    return new CheckModelPerformance()
        .run(
            new CheckModelPerformance.Input(
                modelId,
                batch(),
                metric,
                THRESHOLD,
                3,
                selection,
                evidence,
                policy,
                retentionLimit,
                onConflict,
                belowGate,
                loopFileHash),
            context);
  }

  PrepareRetrainingData.Output prepare(String modelId) {
    return new PrepareRetrainingData()
        .run(new PrepareRetrainingData.Input(modelId, batch(), 0.3, 0.2, 0, true, 0.5), context);
  }

  EvaluateFinetunedModel.Output evaluateFinetuned(
      @Nullable String modelId, String championId, int attempt) {
    return new EvaluateFinetunedModel()
        .run(
            new EvaluateFinetunedModel.Input(
                modelId, championId, batch(), attempt, null, null, null),
            context);
  }

  JudgeCandidate.Output judgeCandidate(String championId) {
    return new JudgeCandidate().run(new JudgeCandidate.Input(championId, batch(), null), context);
  }

  /** Registers the version of an attempt, measured on the validation rows as after training. */
  String attempt(int number, int feature, String championId) {
    return attempt(number, feature, championId, null);
  }

  /** The same with a second version, whose feature ordinary rows have chosen, too. */
  String attempt(int number, int feature, String championId, @Nullable Integer alternative) {
    String modelId = register(feature, number, championId, VersionStatus.CANDIDATE);
    Batch batch = Batch.load(context, batch());
    int[] rows = DataSplit.find(context, batch, null).split().rows(Part.VALIDATION);
    Attempt.WithCandidate.of(
            number,
            "head",
            modelId,
            Metric.ACCURACY,
            MeasuredVersion.ofSome(context, modelId, batch, rows, "validation").predictions())
        .withAlternative(
            alternative == null
                ? null
                : register(alternative, number, championId, VersionStatus.CANDIDATE))
        .keep(context, batch.description());
    return modelId;
  }

  /** Makes an attempt with this accuracy on the validation rows, and its lower bound. */
  String attempt(int number, int feature, String championId, double value, double lowerBound) {
    String modelId = register(feature, number, championId, VersionStatus.CANDIDATE);
    new Attempt.WithCandidate(number, "head", modelId, Metric.ACCURACY, value, lowerBound, null)
        .keep(context, Batch.load(context, batch()).description());
    return modelId;
  }

  /** Makes an attempt that found nothing better than the champion. */
  void attemptWithoutCandidate(int number) {
    new Attempt.WithoutCandidate(
            number, "head", Metric.ACCURACY, "Attempt %d found nothing.".formatted(number))
        .keep(context, Batch.load(context, batch()).description());
  }

  SendEvaluationResults.Output sendResults() {
    return sendResults(false);
  }

  SendEvaluationResults.Output sendResults(boolean allowBackfillPromotion) {
    SendEvaluationResults.Input input =
        new SendEvaluationResults.Input(MODEL, date, null, null, null, allowBackfillPromotion);
    return new SendEvaluationResults().run(input, context);
  }

  LookBack.Output lookBack(String championId) {
    return new LookBack().run(new LookBack.Input(championId, batch()), context);
  }

  SendAlert.Output sendAlert() {
    return new SendAlert().run(new SendAlert.Input(MODEL, date, null, null, null), context);
  }

  /** Whether the day has a version to deploy, and which. */
  WaitForModelReady.Output awaitReady() throws Exception {
    return new WaitForModelReady().run(new WaitForModelReady.Input(MODEL, date, null, 0), context);
  }

  /** The day's version, put into production. */
  DeployModel.Output deploy() throws Exception {
    return deploy(Objects.requireNonNull(awaitReady().modelId()));
  }

  /** A version, put into production by the day's outcome. */
  DeployModel.Output deploy(String modelId) throws Exception {
    return new DeployModel().run(new DeployModel.Input(MODEL, modelId, date, null), context);
  }

  NotifyDeploymentComplete.Output notifyDeployment(String modelId) {
    return new NotifyDeploymentComplete()
        .run(new NotifyDeploymentComplete.Input(MODEL, modelId), context);
  }

  Document document(String collection, String id) {
    return store.events().find(collection, id).orElseThrow();
  }

  /** How many files of encoded rows the store has. */
  long encodings() {
    return store.collection("fs.files").countDocuments(Filters.regex("_id", "^features/"));
  }

  /** The only document of a collection. */
  Document single(String collection) {
    List<Document> documents = store.collection(collection).find().into(new ArrayList<>());
    assertEquals(1, documents.size(), collection);
    return documents.getFirst();
  }

  /** Adds an outcome of another day. */
  void addOutcome(LocalDate date, String championId) {
    Gate gate = new Gate(Metric.ACCURACY, THRESHOLD);
    DayOutcome outcome =
        new DayOutcome(
            MODEL,
            date,
            0,
            new DayKey("rows", "labels", null, Rules.published(gate, 3)),
            "another-run",
            DayOutcome.Status.APPROVED,
            championId,
            "20260109_101500",
            championId,
            true,
            new RetrainingInfo(
                false, null, null, null, null, null, 0.9, 0.8, 0, gate.metric(), 0.9, 0.8, 0.9),
            "Judged.");
    outcome.add(context);
  }

  /** Rolls back from a version, which is the champion for a moment, to the one in production. */
  Bar barAndReturnTo(String champion, String rolledBack) {
    champions.install(MODEL, rolledBack);
    Bar bar = new Bar(rolledBack, 2, "kim", "too slow", "rollback", "2026-11-04T06:00:00Z");
    champions.rollBack(champions.find(MODEL).orElseThrow(), champion, bar);
    return bar;
  }

  /** Everything that the store holds, document by document. */
  List<String> content() {
    List<String> content = new ArrayList<>();
    for (String collection :
        List.of(
            "model_metadata",
            "performance_metrics",
            "challenger_days",
            "error_ledger",
            "predictions",
            "verdicts",
            "look_backs",
            "attempts",
            "chosen_attempts",
            "data_splits",
            "evaluation_events",
            "outcomes",
            "champions",
            "deployment_events",
            "alerts",
            "approval_requests",
            "approval_answers",
            "notifications",
            "processing_metadata",
            "fs.files")) {
      Iterator<Document> documents = store.collection(collection).find().iterator();
      documents.forEachRemaining(document -> content.add(collection + ": " + document.toJson()));
    }
    return content.stream().sorted().toList();
  }

  @Override
  public void close() {
    store.close();
    server.close();
  }
}
