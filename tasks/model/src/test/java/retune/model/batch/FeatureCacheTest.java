package retune.model.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.mongodb.client.MongoCollection;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Shard;
import retune.devstore.EmbeddedStore;
import retune.model.ModelVersion;
import retune.model.TestModels;
import retune.model.Weights;
import retune.model.batch.FeatureCache.Answered;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

class FeatureCacheTest {
  /** More than are encoded at a time. */
  private static final int ROWS = 1_100;

  private record Context(DocumentStore store) implements StepContext {
    @Override
    public RunIdentity run() {
      return new RunIdentity("manual", "run", "evaluate_model", 1);
    }

    @Override
    public Clock clock() {
      return Clock.systemUTC();
    }

    @Override
    public Settings settings() {
      return new Settings(Map.of());
    }

    @Override
    public void progress(String what, long done, long total) {}

    @Override
    public void onStop(Runnable stop) {}
  }

  @Test
  void rowsThatAreTooManyToKeepAreAnsweredTheSame() {
    ModelVersion version = TestModels.small(1).version();
    Weights weights = TestModels.small(1).weights();
    FeatureSchema schema = version.preprocessing().schema();
    Features features = TestModels.features(schema, ROWS, 1);
    Batch batch = batch(version, new Rows(features, new int[ROWS], new long[ROWS]));
    int values = ROWS * version.architecture().encodedSize();
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
        Engine engine = new PlainEngine(version, weights, 1)) {
      Context context = new Context(store);
      FeatureCache.Answers alone =
          new FeatureCache(context, values - 1).answers(version, engine, batch);
      assertEquals(FeatureCache.Source.NOT_KEPT, alone.source());
      FeatureCache.Answers kept = new FeatureCache(context, values).answers(version, engine, batch);
      assertEquals(FeatureCache.Source.COMPUTED, kept.source());
      assertArrayEquals(kept.logits(), alone.logits());
      assertArrayEquals(engine.head(engine.encode(features), ROWS), alone.logits());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 8})
  void shardsOfRowsThatAreTooManyToKeepAreAnsweredTheSame(int shards) {
    ModelVersion version = TestModels.small(1).version();
    int rows = 3_300;
    Features features = TestModels.features(version.preprocessing().schema(), rows, 1);
    Batch batch = batch(version, new Rows(features, new int[rows], new long[rows]));
    int tooFew = rows * version.architecture().encodedSize() - 1;
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
        Engine engine = new PlainEngine(version, TestModels.small(1).weights(), 1)) {
      store.processedBatches().write(batch.description(), List.of(batch.rows()).iterator(), false);
      FeatureCache cache = new FeatureCache(new Context(store), tooFew);
      for (Shard shard : Shard.all(shards)) {
        assertEquals(
            FeatureCache.Source.NOT_KEPT,
            cache.keepShard(version, engine, batch.description(), shard));
        assertEquals(
            FeatureCache.Source.REUSED,
            cache.keepShard(version, engine, batch.description(), shard));
      }
      FeatureCache.Answers together =
          cache.answersOfShards(version, engine, batch.description(), shards);
      assertEquals(FeatureCache.Source.NOT_KEPT, together.source());
      assertArrayEquals(cache.answers(version, engine, batch).logits(), together.logits());
    }
  }

  @Test
  void shardsThatAKilledMergeLeftAreRemovedByTheNext() {
    ModelVersion version = TestModels.small(1).version();
    int rows = 3_300;
    Features features = TestModels.features(version.preprocessing().schema(), rows, 1);
    Batch batch = batch(version, new Rows(features, new int[rows], new long[rows]));
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
        Engine engine = new PlainEngine(version, TestModels.small(1).weights(), 1)) {
      store.processedBatches().write(batch.description(), List.of(batch.rows()).iterator(), false);
      FeatureCache cache = new FeatureCache(new Context(store));
      Shard.all(2).forEach(shard -> cache.keepShard(version, engine, batch.description(), shard));
      MongoCollection<Document> files = store.collection("fs.files");
      String shard = Objects.requireNonNull(files.find().first()).getString("_id");
      byte[] left = store.blobs().get(shard).orElseThrow();
      cache.answersOfShards(version, engine, batch.description(), 2);
      assertEquals(1, files.countDocuments());
      store.blobs().put(shard, left);
      assertEquals(
          FeatureCache.Source.REUSED,
          cache.answersOfShards(version, engine, batch.description(), 2).source());
      assertEquals(1, files.countDocuments());
    }
  }

  @Test
  void someRowsAreEncodedOnceWhereTheWholeBatchIsKept() {
    ModelVersion version = TestModels.small(1).version();
    Features features = TestModels.features(version.preprocessing().schema(), ROWS, 1);
    Batch batch = batch(version, new Rows(features, new int[ROWS], new long[ROWS]));
    int[] all = IntStream.range(0, ROWS).toArray();
    int[] some = IntStream.range(0, ROWS).filter(row -> row % 3 == 1).toArray();
    int[] few = {7, 300};
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
        Engine engine = new PlainEngine(version, TestModels.small(1).weights(), 1)) {
      FeatureCache cache = new FeatureCache(new Context(store));
      assertAnswers(FeatureCache.Source.COMPUTED, cache, version, engine, batch, some, true);
      assertAnswers(FeatureCache.Source.COMPUTED, cache, version, engine, batch, all, false);
      assertAnswers(FeatureCache.Source.COMPUTED, cache, version, engine, batch, all, true);
      assertAnswers(FeatureCache.Source.REUSED, cache, version, engine, batch, all, true);
      assertAnswers(FeatureCache.Source.REUSED, cache, version, engine, batch, some, false);
      // Reading 1,100 encoded rows for two of them would cost more than encoding these.
      assertAnswers(FeatureCache.Source.COMPUTED, cache, version, engine, batch, few, false);
    }
  }

  @Test
  void versionsThatShareAnEncoderAreAnsweredInOnePass() {
    int rows = 2_500;
    ModelVersion version = TestModels.small(1).version();
    Features features = TestModels.features(version.preprocessing().schema(), rows, 1);
    Batch batch = batch(version, new Rows(features, new int[rows], new long[rows]));
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
        CountingEngine engine = new CountingEngine(version, TestModels.small(1).weights());
        CountingEngine other = new CountingEngine(version, TestModels.small(1).weights());
        CountingEngine broken =
            new CountingEngine(version, TestModels.small(1).weights()) {
              @Override
              public float[] head(float[] encoded, int count) {
                throw new InvalidInputException("the head refuses");
              }
            }) {
      store.processedBatches().write(batch.description(), List.of(batch.rows()).iterator(), false);
      Context context = new Context(store);
      FeatureCache tooSmall = new FeatureCache(context, 1);
      List<FeatureCache.Opened> versions =
          List.of(
              new FeatureCache.Opened(version, engine),
              new FeatureCache.Opened(version, broken),
              new FeatureCache.Opened(version, other));
      List<FeatureCache.Answered> streamed = tooSmall.answersOfAll(versions, batch.description());
      assertEquals(List.of(3, 0, 0), List.of(engine.encoded, broken.encoded, other.encoded));
      float[] expected = tooSmall.answers(version, engine, batch).logits();
      assertArrayEquals(expected, assertInstanceOf(Answered.All.class, streamed.get(0)).logits());
      assertArrayEquals(expected, assertInstanceOf(Answered.All.class, streamed.get(2)).logits());
      Answered.Refused refused = assertInstanceOf(Answered.Refused.class, streamed.get(1));
      assertEquals("the head refuses", refused.why().getMessage());
      assertEquals(0, store.collection("fs.files").countDocuments());

      new FeatureCache(context).answers(version, engine, batch);
      engine.encoded = 0;
      List<FeatureCache.Answered> kept =
          new FeatureCache(context).answersOfAll(versions, batch.description());
      assertEquals(List.of(0, 0, 0), List.of(engine.encoded, broken.encoded, other.encoded));
      assertArrayEquals(expected, assertInstanceOf(Answered.All.class, kept.get(2)).logits());
    }
  }

  @Test
  void storedFeaturesAreThoseInMemory() {
    int rows = 3_500;
    ModelVersion version = TestModels.small(1).version();
    Features features = TestModels.features(version.preprocessing().schema(), rows, 1);
    Batch batch = batch(version, new Rows(features, new int[rows], new long[rows]));
    try (EmbeddedStore server = EmbeddedStore.inMemory();
        DocumentStore store =
            DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC())) {
      store.processedBatches().write(batch.description(), List.of(batch.rows()).iterator(), false);
      FeatureSource stored = FeatureSource.stored(new Context(store), batch.description());
      for (int[] some :
          List.of(new int[] {0, 7, 999, 1_000, 3_001, 3_499}, new int[] {2_000}, new int[] {})) {
        Features inMemory = Features.joined(batch.map(some, part -> part));
        Features read = Features.joined(stored.map(some, part -> part));
        assertEquals(some.length, read.rows());
        assertArrayEquals(inMemory.codes(), read.codes());
        assertArrayEquals(inMemory.numbers(), read.numbers());
      }
    }
  }

  /** Counts the chunks that it encodes. */
  private static class CountingEngine implements Engine {
    private final Engine engine;
    private int encoded;

    CountingEngine(ModelVersion version, Weights weights) {
      this.engine = new PlainEngine(version, weights, 1);
    }

    @Override
    public float[] encode(Features features) {
      encoded++;
      return engine.encode(features);
    }

    @Override
    public float[] head(float[] rows, int count) {
      return engine.head(rows, count);
    }

    @Override
    public String name() {
      return engine.name();
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  private static void assertAnswers(
      FeatureCache.Source source,
      FeatureCache cache,
      ModelVersion version,
      Engine engine,
      Batch batch,
      int[] rows,
      boolean keep) {
    Features features = batch.features().select(rows);
    FeatureCache.Answers answers =
        cache.someOf(version, engine, batch.description(), rows, features, keep);
    assertEquals(source, answers.source());
    assertArrayEquals(engine.head(engine.encode(features), rows.length), answers.logits());
  }

  private static Batch batch(ModelVersion version, Rows rows) {
    return new Batch(
        new ProcessedBatch(
            "toy/2026-11-05",
            "toy",
            LocalDate.parse("2026-11-05"),
            "synthetic",
            "run",
            Hashing.sha256("content"),
            "raw",
            version.preprocessing().hash(),
            version.preprocessing().schema(),
            rows.features().rows(),
            rows.features().rows(),
            rows.features().rows(),
            Map.of(),
            Map.of()),
        rows);
  }
}
