package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;

/** Terms of a policy that look at more than the answers, from the loop's setting to the verdict. */
class PromotionPolicyStepsTest {
  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void classesAndSlicesAreJudgedAndKeptInTheVerdict() {
    loop.policy = "within_class(recall, 0.1) and slices(n3, 0.1)";
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    String candidate = judged(champion, Loop.GOOD);
    Document ofClasses = check(candidate, "within_class_recall");
    assertEquals("passed", ofClasses.getString("answer"), ofClasses.toJson());
    assertTrue(ofClasses.getString("sentence").contains("on class '0'"), ofClasses.toJson());
    Document ofSlices = check(candidate, "slices_n3");
    assertEquals("passed", ofSlices.getString("answer"), ofSlices.toJson());
    // The column has many numbers, so its quarters are the slices.
    assertTrue(ofSlices.getString("sentence").contains("the champion's on n3 "), ofSlices.toJson());
    assertEquals(-0.1, ofSlices.getDouble("limit"));
  }

  @Test
  void aColumnThatTheRowsDoNotHaveIsRefusedBeforeAnythingIsKept() {
    loop.policy = "slices(REGION, 0.1)";
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    List<String> before = loop.content();
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> loop.check(champion));
    assertEquals(
        "The policy's 'slices(REGION, 0.1)' names a column that the rows do not have; their columns are"
            + " n0, n1, n2, n3.",
        refused.getMessage());
    assertEquals(before, loop.content());
  }

  @Test
  void theTimeOfAPredictionIsMeasuredOnceAndJudged() {
    loop.policy = "latency(50)";
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    String candidate = judged(champion, Loop.GOOD);
    Document first = check(candidate, "latency");
    assertEquals("passed", first.getString("answer"), first.toJson());
    assertTrue(first.getDouble("value") > 0.02, first.toJson());
    Document kept = loop.single("latencies");
    assertEquals(
        kept.getDouble("seconds") / kept.getDouble("champion_seconds"),
        first.getDouble("value"),
        1e-12);
    // The step's second try keeps the measurement, and so the verdict.
    loop.evaluateFinetuned(candidate, champion, 1);
    assertEquals(first, check(candidate, "latency"));
    assertEquals(kept, loop.single("latencies"));
  }

  @Test
  void aPolicyWithoutLatencyMeasuresNone() {
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    judged(champion, Loop.GOOD);
    assertFalse(loop.store.collection("latencies").find().iterator().hasNext());
  }

  /** A candidate of the first attempt that was judged. */
  private String judged(String champion, int feature) {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(feature, 1, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(candidate, champion, 1);
    return candidate;
  }

  private Document verdict(String modelId) {
    return Objects.requireNonNull(
        loop.store.collection("verdicts").find(new Document("model_id", modelId)).first());
  }

  private Document check(String modelId, String name) {
    return verdict(modelId).getList("checks", Document.class).stream()
        .filter(check -> check.getString("name").equals(name))
        .findFirst()
        .orElseThrow();
  }
}
