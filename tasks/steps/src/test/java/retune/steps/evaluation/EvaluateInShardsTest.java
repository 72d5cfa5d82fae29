package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;

import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.bson.types.Binary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.runtime.NotReadyException;

/** A batch evaluated in shards beside the same batch evaluated at once. */
class EvaluateInShardsTest {
  private static final int ROWS = 4_300;

  private final Loop loop = new Loop();
  private final Loop whole = new Loop();
  private String model = "";
  private String contentHash = "";

  @BeforeEach
  void register() {
    for (Loop each : List.of(loop, whole)) {
      contentHash = each.writeBatch(ROWS);
      model = each.register(GOOD, null, VersionStatus.DEPLOYED);
    }
  }

  @AfterEach
  void close() {
    loop.close();
    whole.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 8, 64})
  void anyNumberOfShardsGivesTheEvaluationOfOne(int shards) {
    EvaluateModel.Output expected = whole.evaluate(model);
    assertEquals(ROWS - 10, expected.samples());
    for (int shard = shards - 1; shard >= 0; shard--) {
      EvaluateModel.Output part = loop.evaluate(model, shards, shard);
      assertEquals(Map.of(), part.metrics());
      assertEquals("computed", part.features());
    }
    assertEquals(expected, loop.evaluate(model, shards, null));
    assertEquals(whole.content(), loop.content());
    assertEquals(whole.check(model), loop.check(model));
  }

  /** One challenger shares the champion's encoder, the other has one of its own. */
  @ParameterizedTest
  @ValueSource(ints = {2, 5})
  void challengersAreMeasuredInShardsToo(int shards) {
    for (Loop each : List.of(loop, whole)) {
      each.champions.install(Loop.MODEL, model);
      each.register(EXCELLENT, null, VersionStatus.CHALLENGER);
      each.register(POOR, 2, null, VersionStatus.CHALLENGER);
    }
    EvaluateModel.Output expected = whole.evaluate(model);
    assertEquals(2, expected.challengers());
    for (int shard = 0; shard < shards; shard++) {
      assertEquals(2, loop.evaluate(model, shards, shard).challengers());
    }
    assertEquals(expected, loop.evaluate(model, shards, null));
    assertEquals(whole.content(), loop.content());
  }

  @Test
  void aChallengerThatCameAfterTheShardsWaitsForTheNextDay() {
    loop.champions.install(Loop.MODEL, model);
    loop.evaluate(model, 2, 0);
    loop.evaluate(model, 2, 1);
    loop.register(POOR, 2, null, VersionStatus.CHALLENGER);
    EvaluateModel.Output measured = loop.evaluate(model, 2, null);
    assertEquals(0, measured.challengers());
    assertEquals(ROWS - 10, measured.samples());
  }

  @Test
  void theEncodedRowsAreFoundByTheStepsThatFollow() {
    evaluateAll(3);
    assertEquals("reused", loop.evaluate(model).features());
    loop.check(model);
    loop.prepare(model);
    String candidate = loop.register(POOR, model, VersionStatus.CANDIDATE);
    long blobs = loop.encodings();
    loop.evaluateFinetuned(candidate, model, 1);
    assertEquals(blobs, loop.encodings());
  }

  @Test
  void whatIsRepeatedChangesNothing() {
    evaluateAll(3);
    List<String> before = loop.content();
    assertEquals("reused", loop.evaluate(model, 3, 1).features());
    assertEquals("reused", loop.evaluate(model, 3, null).features());
    assertEquals(before, loop.content());
  }

  @Test
  void shardsThatAreNotThereAreNamedAndAloneComputedAgain() {
    loop.evaluate(model, 3, 1);
    assertEquals(
        "'credit-default/2026-11-05' lacks shard 0, 2 of 3, counted from 0; run evaluate_model with"
            + " --shards 3 --shard 0 and otherwise the same inputs.",
        missing(3));
    assertEquals(0, loop.store.collection("performance_metrics").countDocuments());
    assertEquals("computed", loop.evaluate(model, 3, 0).features());
    assertEquals("reused", loop.evaluate(model, 3, 1).features());
    assertEquals("computed", loop.evaluate(model, 3, 2).features());
    assertEquals(whole.evaluate(model), loop.evaluate(model, 3, null));
  }

  @Test
  void aDamagedShardCountsAsMissing() {
    loop.evaluate(model, 2, 0);
    loop.evaluate(model, 2, 1);
    loop.store
        .collection("fs.chunks")
        .updateMany(
            new Document("files_id", blobId() + "/1-of-2"),
            new Document("$set", new Document("data", new Binary(new byte[64_000]))));
    assertEquals(true, missing(2).startsWith("'credit-default/2026-11-05' lacks shard 1 of 2,"));
    assertEquals("computed", loop.evaluate(model, 2, 1).features());
    assertEquals(whole.evaluate(model), loop.evaluate(model, 2, null));
  }

  @Test
  void damagedEncodedRowsAreComputedAgainInShards() {
    EvaluateModel.Output first = evaluateAll(3);
    byte[] kept = loop.store.blobs().get(blobId()).orElseThrow();
    loop.store.blobs().put(blobId(), new byte[8]);
    EvaluateModel.Output second = evaluateAll(3);
    assertEquals("recomputed: damaged", second.features());
    assertEquals(first.metrics(), second.metrics());
    assertEquals(
        List.of(kept.length),
        loop.store.blobs().get(blobId()).stream().map(b -> b.length).toList());
  }

  @Test
  void aShardThatThereIsNotIsRefused() {
    assertEquals(
        "Shard 3 of 3 does not exist. Set 'shard' to a number from 0 to 2.",
        assertThrows(InvalidInputException.class, () -> loop.evaluate(model, 3, 3)).getMessage());
    assertEquals(
        "A single shard is the whole table. Leave out 'shard', or set 'shards' to 2 or more.",
        assertThrows(InvalidInputException.class, () -> loop.evaluate(model, 1, 0)).getMessage());
  }

  private EvaluateModel.Output evaluateAll(int shards) {
    for (int shard = 0; shard < shards; shard++) {
      loop.evaluate(model, shards, shard);
    }
    return loop.evaluate(model, shards, null);
  }

  private String missing(int shards) {
    return String.valueOf(
        assertThrows(NotReadyException.class, () -> loop.evaluate(model, shards, null))
            .getMessage());
  }

  private String blobId() {
    return "features/" + loop.models.get(model).encoderHash() + "/" + contentHash;
  }
}
