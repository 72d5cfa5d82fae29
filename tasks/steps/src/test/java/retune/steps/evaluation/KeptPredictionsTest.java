package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.BATCH;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.ROWS;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.judgement.Judgement;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;

/** The predictions that verdicts refer to, read as an independent program reads them. */
class KeptPredictionsTest {
  private final Loop loop = new Loop();

  private record Kept(int[] rows, Predictions predictions) {}

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void aDaysVerdictCanBeComputedFromItsPredictions() {
    String champion = loop.register(GOOD, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    Document verdict = loop.single("verdicts");
    Kept kept = read(verdict.getString("predictions"));
    assertEquals(verdict.getString("predictions"), verdict.getString("champion_predictions"));
    assertEquals(
        IntStream.range(10, ROWS).boxed().toList(), Arrays.stream(kept.rows).boxed().toList());
    assertEquals(metrics(verdict, "metrics"), Evaluation.of(kept.predictions).toMap());
    int[] labels = Batch.load(loop.context, BATCH).rows().labels();
    assertEquals(
        Arrays.stream(kept.rows).mapToObj(row -> labels[row]).toList(),
        Arrays.stream(kept.predictions.labels()).boxed().toList());
  }

  @Test
  void anAttemptsVerdictHasThePredictionsOfBothForTheHoldOut() {
    Document verdict = attempt();
    DataSplit split = DataSplit.find(loop.context, Batch.load(loop.context, BATCH), null);
    Set<Integer> holdout =
        Arrays.stream(split.split().rows(Part.HOLDOUT)).boxed().collect(Collectors.toSet());
    Kept candidate = read(verdict.getString("predictions"));
    Kept champion = read(verdict.getString("champion_predictions"));
    for (Kept kept : List.of(candidate, champion)) {
      assertEquals(holdout, Arrays.stream(kept.rows).boxed().collect(Collectors.toSet()));
    }
    assertEquals(metrics(verdict, "metrics"), Evaluation.of(candidate.predictions).toMap());
    assertEquals(metrics(verdict, "champion_metrics"), Evaluation.of(champion.predictions).toMap());
  }

  @Test
  void theSameEvaluationKeepsNothingMore() {
    attempt();
    List<String> before = loop.content();
    attempt();
    assertEquals(before, loop.content());
  }

  @Test
  void otherLabelsLeaveEarlierPredictionsAsTheyWere() {
    String champion = loop.register(GOOD, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    Document before = loop.single("verdicts");
    loop.relabel();
    loop.startRun("later");
    loop.evaluate(champion);
    loop.check(champion);
    List<String> ids =
        loop.store.events().startingWith("verdicts", BATCH + "/").stream()
            .map(verdict -> verdict.getString("predictions"))
            .distinct()
            .toList();
    assertEquals(2, ids.size());
    assertTrue(ids.contains(before.getString("predictions")));
    assertNotEquals(
        Arrays.hashCode(read(ids.get(0)).predictions.labels()),
        Arrays.hashCode(read(ids.get(1)).predictions.labels()));
    assertEquals(
        metrics(before, "metrics"),
        Evaluation.of(read(before.getString("predictions")).predictions).toMap());
  }

  /** The verdict on a first attempt. */
  private Document attempt() {
    String champion = loop.register(POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(candidate, champion, 1);
    return loop.store.events().startingWith("verdicts", BATCH + "/").stream()
        .filter(verdict -> verdict.getInteger("attempt") == 1)
        .findFirst()
        .orElseThrow();
  }

  private static Map<String, Double> metrics(Document verdict, String field) {
    return Judgement.numbers(verdict.get(field, Document.class));
  }

  private Kept read(String id) {
    Document description = loop.document("predictions", id);
    ByteBuffer bytes =
        ByteBuffer.wrap(loop.store.blobs().get(description.getString("file")).orElseThrow())
            .order(ByteOrder.LITTLE_ENDIAN);
    int rows = description.getInteger("rows");
    int classes = description.getList("classes", String.class).size();
    int[] positions = new int[rows];
    int[] labels = new int[rows];
    double[] probabilities = new double[rows * classes];
    bytes.asIntBuffer().get(positions).get(labels);
    bytes
        .position(2 * rows * Integer.BYTES)
        .slice()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asDoubleBuffer()
        .get(probabilities);
    return new Kept(
        positions,
        new Predictions(
            labels,
            probabilities,
            classes,
            description.getInteger("positive"),
            description.getDouble("decision_threshold")));
  }
}
