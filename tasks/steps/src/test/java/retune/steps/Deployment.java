package retune.steps;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.judgement.Gate;
import retune.core.judgement.Rules;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.devstore.EmbeddedStore;
import retune.judgement.ApprovalRequest;
import retune.judgement.DayKey;
import retune.judgement.DayOutcome;
import retune.judgement.DayOutcome.Status;
import retune.judgement.RetrainingInfo;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.Tensor;
import retune.model.WeightShapes;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.runtime.store.DocumentStore;
import retune.testing.TestContext;

/** A store, a deployment folder, and small models to deploy. */
public final class Deployment implements AutoCloseable {
  public static final String MODEL = "credit-default";
  public static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final Architecture ARCHITECTURE = new Architecture.Mlp(1, List.of(4), 3, 0);
  private static final Preprocessing PREPROCESSING =
      Preprocessing.given(List.of(), Stream.of("n0", "n1").map(NumericColumn::asIs).toList());

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final Path folder;
  public final DocumentStore store = open(server.uri());
  public final ModelStore models = new ModelStore(store, TestContext.CLOCK);
  public final Champions champions = new Champions(store);

  public Deployment(Path folder) {
    this.folder = folder;
  }

  public static DocumentStore open(String uri) {
    return DocumentStore.open(uri, Duration.ofSeconds(10), TestContext.CLOCK);
  }

  public String uri() {
    return server.uri();
  }

  public TestContext context() {
    return context(store);
  }

  public TestContext context(DocumentStore through) {
    return TestContext.of(through).with(Map.of("RETUNE_DEPLOYMENT_DIR", folder.toString()));
  }

  @Override
  public void close() {
    store.close();
    server.close();
  }

  /** A version of two numbers and two classes; the same seed gives the same. */
  public static ModelFolder.Content model(int seed, @Nullable String finetunedFrom) {
    SortedMap<String, int[]> shapes = WeightShapes.of(ARCHITECTURE, PREPROCESSING.schema(), 2);
    return model(weights(shapes, seed), seed, finetunedFrom, true);
  }

  /** A version of two numbers and these classes. */
  public static ModelFolder.Content modelOf(Target target, int seed) {
    Weights weights =
        weights(
            WeightShapes.of(ARCHITECTURE, PREPROCESSING.schema(), target.classes().size()), seed);
    ModelVersion bare = version(weights, seed, null, target, null);
    return new ModelFolder.Content(bare.withGolden(golden(bare, weights)), weights);
  }

  /** An encoder without a head. */
  public static ModelFolder.Content encoder() {
    SortedMap<String, int[]> shapes = WeightShapes.encoder(ARCHITECTURE, PREPROCESSING.schema());
    return model(weights(shapes, 0), 0, null, false);
  }

  /** A version with these weights, with golden rows from the plain engine or without. */
  public static ModelFolder.Content model(
      Weights weights, int seed, @Nullable String finetunedFrom, boolean golden) {
    ModelVersion bare = version(weights, seed, finetunedFrom, null);
    return new ModelFolder.Content(
        golden ? version(weights, seed, finetunedFrom, golden(bare, weights)) : bare, weights);
  }

  public static ModelVersion version(
      Weights weights, int seed, @Nullable String finetunedFrom, @Nullable Golden golden) {
    Target target = new Target("default", List.of("0", "1"), "1");
    return version(weights, seed, finetunedFrom, target, golden);
  }

  private static ModelVersion version(
      Weights weights,
      int seed,
      @Nullable String finetunedFrom,
      Target target,
      @Nullable Golden golden) {
    return ModelVersion.of(
            MODEL,
            Instant.parse("2026-01-09T10:15:00Z").plusSeconds(seed),
            new ModelVersion.Design(ARCHITECTURE, PREPROCESSING, target),
            new ModelVersion.Lineage(finetunedFrom, "head", 5, 1e-4, "data", Map.of(), List.of()),
            weights)
        .withMetrics(Map.of("validation", Map.of("f1_score", 0.8)))
        .withGolden(golden);
  }

  private static Golden golden(ModelVersion version, Weights weights) {
    FeatureSchema schema = PREPROCESSING.schema();
    float[][] numbers = {{-1, 0, 3}, {0.5f, 2, -8}};
    try (Engine engine = new PlainEngine(version, weights, 1)) {
      Features features = new Features(schema, 3, new int[0][], numbers);
      float[] logits = engine.head(engine.encode(features), 3);
      int classes = version.target().classes().size();
      return new Golden(
          new int[0][],
          numbers,
          IntStream.range(0, 3)
              .mapToObj(row -> Arrays.copyOfRange(logits, row * classes, (row + 1) * classes))
              .toArray(float[][]::new));
    }
  }

  private static Weights weights(SortedMap<String, int[]> shapes, int seed) {
    Random random = new Random(seed);
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    shapes.forEach(
        (name, shape) -> {
          float[] values = new float[IntStream.of(shape).reduce(1, (a, b) -> a * b)];
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
          }
          tensors.put(name, new Tensor(shape, values));
        });
    return new Weights(tensors);
  }

  /** Registers a version as the first champion; returns its id. */
  public String installChampion(int seed) {
    String modelId = register(model(seed, null), VersionStatus.APPROVED);
    champions.install(MODEL, modelId);
    return modelId;
  }

  public String register(ModelFolder.Content content, VersionStatus status) {
    models.register(content.version(), content.weights(), status);
    return content.version().modelId();
  }

  /** Adds an outcome of the day. */
  public void writeOutcome(Status status, String modelId, String championId) {
    Gate gate = new Gate(Metric.F1_SCORE, 0.75);
    new DayOutcome(
            MODEL,
            DATE,
            0,
            new DayKey("rows", "labels", null, Rules.published(gate, 3)),
            "run",
            status,
            modelId,
            "20260109_101500",
            championId,
            status.approves(),
            new RetrainingInfo(
                false, null, null, null, null, null, 0.8, 0.75, 0, gate.metric(), 0.8, 0.75, 0.8),
            "Judged.")
        .add(context());
  }

  /** Adds the question whether a version may follow the champion, as a day that ended as asked. */
  public void writeQuestion(String modelId, String championId) {
    writeOutcome(Status.ASKED, championId, championId);
    DayOutcome asked = DayOutcome.latest(store, MODEL, DATE).orElseThrow();
    new ApprovalRequest(
            MODEL + "/" + DATE + "/question",
            MODEL,
            DATE,
            asked.key(),
            asked.runId(),
            modelId,
            "20260109_101500",
            championId,
            1,
            Status.RETRAINED,
            asked.retrainingInfo(),
            new ApprovalRequest.Gain(0.7, 0.6, 0.1, null),
            "f1_score 0.7000 is below the threshold of 0.75.",
            "verdict",
            TestContext.NOW,
            TestContext.NOW.plus(ApprovalRequest.OPEN_FOR))
        .keep(context());
  }

  /** All documents but the uploads' own ids, and all files, by name. */
  public Map<String, String> everything() {
    Map<String, String> everything = new TreeMap<>();
    for (String collection :
        List.of(
            "model_metadata",
            "champions",
            "deployment_events",
            "outcomes",
            "approval_requests",
            "approval_answers",
            "notifications",
            "fs.files")) {
      for (Document document : store.collection(collection).find()) {
        everything.put(collection + "/" + document.get("_id"), document.toJson());
      }
    }
    everything.put("chunks", Long.toString(store.collection("fs.chunks").countDocuments()));
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        everything.put(
            folder.relativize(file).toString(), Arrays.toString(Files.readAllBytes(file)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return everything;
  }
}
