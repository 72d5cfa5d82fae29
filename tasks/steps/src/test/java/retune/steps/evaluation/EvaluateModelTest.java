package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static retune.steps.evaluation.Loop.CONTENT_HASH;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.ROWS;

import java.util.Arrays;
import org.bson.Document;
import org.bson.types.Binary;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.judgement.VersionStatus;
import retune.judgement.Judgement;

class EvaluateModelTest {
  private static final int ENCODED_SIZE = 8;

  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void theMetricsAreThoseOfTheLabelledRows() {
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    EvaluateModel.Output output = loop.evaluate(model);
    assertEquals(ROWS - 10, output.samples());
    assertEquals(0.96, output.metrics().getOrDefault("accuracy", 0.0), 0.02);

    Document kept = loop.document("performance_metrics", model + "/" + CONTENT_HASH + "/test");
    Document metrics = kept.get("metrics", Document.class);
    assertEquals(output.metrics(), Judgement.numbers(metrics));
    assertEquals(2, metrics.getInteger("n_classes"));
    assertEquals(4, metrics.getInteger("n_features"));
    assertEquals(ROWS - 10, metrics.getInteger("n_samples"));
    assertEquals("2026-01-09T10:15:00", metrics.getString("training_date"));
    assertEquals("test", kept.getString("dataset_name"));
    assertEquals(ROWS, kept.getInteger("rows"));
    assertEquals(ROWS - 10, kept.getInteger("labelled"));
  }

  @Test
  void encodedRowsAreReusedByEveryVersionWithTheSameEncoder() {
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.prepare(model);
    String sibling = loop.register(GOOD, model, VersionStatus.CANDIDATE);
    String stranger = loop.register(GOOD, 2, model, VersionStatus.CANDIDATE);
    assertEquals("computed", loop.evaluate(model).features());
    assertEquals("reused", loop.evaluate(model).features());
    assertEquals("reused", loop.evaluate(sibling).features());
    assertEquals("computed", loop.evaluate(stranger).features());
  }

  @Test
  void encodedRowsAreLittleEndianFloats() {
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.evaluate(model);
    assertEquals(ROWS * ENCODED_SIZE * Float.BYTES, blob(model).length);
  }

  @Test
  void encodedRowsOfAnotherSizeAreComputedAgain() {
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    EvaluateModel.Output first = loop.evaluate(model);
    byte[] whole = blob(model);
    loop.store.blobs().put(blobId(model), Arrays.copyOf(whole, whole.length - 4));
    EvaluateModel.Output second = loop.evaluate(model);
    assertEquals("recomputed: damaged", second.features());
    assertEquals(first.metrics(), second.metrics());
    assertArrayEquals(whole, blob(model));
    assertEquals("reused", loop.evaluate(model).features());
  }

  @Test
  void encodedRowsWhoseBytesChangedAreComputedAgain() {
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    loop.evaluate(model);
    byte[] whole = blob(model);
    loop.store
        .collection("fs.chunks")
        .updateMany(
            new Document("files_id", blobId(model)),
            new Document("$set", new Document("data", new Binary(new byte[whole.length]))));
    EvaluateModel.Output second = loop.evaluate(model);
    assertEquals("recomputed: damaged", second.features());
    assertArrayEquals(whole, blob(model));
  }

  @Test
  void aCandidateWithTheChampionsEncoderIsJudgedWithoutEncoding() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    long blobs = loop.encodings();
    loop.evaluateFinetuned(candidate, champion, 1);
    assertEquals(blobs, loop.encodings());
  }

  @Test
  void aCandidateWithAnEncoderOfItsOwnIsEncodedOnTheHoldOutOnlyAndOnce() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    PrepareRetrainingData.Output split = loop.prepare(champion);
    String candidate = loop.register(GOOD, 2, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output first = loop.evaluateFinetuned(candidate, champion, 3);
    byte[] kept = loop.store.blobs().get(blobId(candidate) + "/" + split.splitId()).orElseThrow();
    assertEquals(split.revalSamples() * ENCODED_SIZE * Float.BYTES, kept.length);
    assertEquals(first, loop.evaluateFinetuned(candidate, champion, 3));
  }

  @Test
  void aBatchThatIsNotThereIsRefused() {
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    EvaluateModel.Input input =
        new EvaluateModel.Input(model, "credit-default/1999-01-01", "test", 1, null, 0.8, 14);
    assertRefused(
        "There is no complete processed batch 'credit-default/1999-01-01'; run process_data for"
            + " that model and date first.",
        () -> new EvaluateModel().run(input, loop.context));
  }

  @Test
  void aBatchOfAnotherPreprocessingIsRefused() {
    loop.writeBatch(Hashing.sha256("another batch"), "another");
    String model = loop.register(EXCELLENT, null, VersionStatus.CANDIDATE);
    assertRefused(
        "The batch 'credit-default/2026-11-05' was prepared with another preprocessing than that"
            + " of '%s'; run process_data again after making that version the champion."
                .formatted(model),
        () -> loop.evaluate(model));
  }

  @Test
  void anEncoderWithoutAHeadIsRefused() {
    String encoder = loop.registerEncoderOnly();
    assertRefused(
        "'%s' is an encoder without a head and cannot predict; train_model makes a version with"
                .formatted(encoder)
            + " a head from it.",
        () -> loop.evaluate(encoder));
  }

  private byte[] blob(String modelId) {
    return loop.store.blobs().get(blobId(modelId)).orElseThrow();
  }

  private String blobId(String modelId) {
    return "features/" + loop.models.get(modelId).encoderHash() + "/" + CONTENT_HASH;
  }

  private static void assertRefused(String sentence, Runnable step) {
    assertEquals(sentence, assertThrows(InvalidInputException.class, step::run).getMessage());
  }
}
