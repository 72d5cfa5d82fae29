package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.core.metrics.Metric;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.steps.deployment.DeployModel;

class AnchorTest {
  private static final int STEPS = 10;

  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void tenStepsOfOnePercentDoNotAddUp() throws IOException {
    String first = startSteps("within(accuracy, 0.016)");
    String champion = first;
    EvaluateFinetunedModel.Output step = null;
    int steps = 0;
    do {
      steps++;
      String candidate = withThreshold(champion, steps);
      step = judge(candidate, champion, steps);
      if (step.passed()) {
        deploy(candidate);
        assertEquals(first, champion().bestModelId());
        champion = candidate;
      }
    } while (step.passed() && steps < STEPS);
    assertEquals(3, steps, step.reason());
    assertTrue(
        step.reason()
            .matches(
                ".* but its accuracy is 0[.]0\\d+ below the best version "
                    + first
                    + "'s; it may fall by 0[.]016 at most[.]"),
        step.reason());
  }

  @Test
  void tenStepsWouldAddUpIfTheAnchorFollowedTheChampion() {
    String champion = startSteps("within(accuracy, 0.016)");
    double before = accuracy(champion);
    for (int step = 1; step <= STEPS; step++) {
      String candidate = withThreshold(champion, step);
      assertTrue(judge(candidate, champion, step).passed());
      assertTrue(loop.champions.promote(champion(), candidate, candidate));
      champion = candidate;
    }
    assertTrue(before - accuracy(champion) > 0.08);
  }

  @Test
  void whatIsLostOnTheReferenceDoesNotAddUpEither() {
    loop.onConflict = OnConflict.HOLD;
    loop.retentionLimit = 0.2;
    loop.writeReference(4000);
    String best = inProduction(EXCELLENT);
    String champion = loop.register(GOOD, best, VersionStatus.DEPLOYED);
    assertTrue(loop.champions.promote(champion(), champion, best));
    loop.startDay(Loop.DATE.plusDays(1), true);
    String candidate = loop.register(POOR, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = judge(candidate, champion, 1);
    assertFalse(judged.passed());
    assertEquals("passed", check(candidate, "retention_reference").answer());
    assertTrue(
        judged
            .reason()
            .matches(
                ".* on the 3,990 reference rows the candidate has 0[.]7\\d+ and the best version "
                    + best
                    + " 0[.]9\\d+; 0[.]2 may be lost[.]"),
        judged.reason());
  }

  @Test
  void aVersionThatIsBetterOnTheReferenceBecomesTheAnchor() throws IOException {
    String champion = inProduction(GOOD);
    loop.writeReference(600);
    String better = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    assertTrue(judge(better, champion, 1).passed());
    deploy(better);
    assertEquals(better, champion().bestModelId());
  }

  @Test
  void withoutAReferenceTheLastDaysDecideAboutTheAnchor() throws IOException {
    String champion = inProduction(GOOD);
    loop.evaluate(champion);
    assertEquals("approved", loop.check(champion).status());
    loop.sendResults();
    loop.startDay(Loop.DATE.plusDays(1), false);
    String better = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    assertTrue(judge(better, champion, 1).passed());
    deploy(better);
    assertEquals(better, champion().bestModelId());
  }

  @Test
  void withoutAnyOrdinaryRowTheAnchorStaysAndTheVerdictSaysSo() throws IOException {
    String champion = inProduction(GOOD);
    String better = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    assertTrue(judge(better, champion, 1).passed());
    assertEquals(
        "credit-default has no reference rows", check(better, "retention_reference").sentence());
    assertEquals(
        "No earlier day on which production passed is in the store with the features of"
            + " 'credit-default/2026-11-05'",
        check(better, "retention_days").sentence());
    deploy(better);
    assertEquals(champion, champion().bestModelId());
  }

  @ParameterizedTest
  @CsvSource({"true, reads other features", "false, answers other classes"})
  void aBestVersionThatCannotReadTheDayIsNamed(boolean otherFeatures, String why) {
    String champion = loop.register(GOOD, null, VersionStatus.DEPLOYED);
    String best = loop.registerOther(otherFeatures, VersionStatus.RETIRED);
    loop.champions.install(MODEL, best);
    assertTrue(loop.champions.promote(champion(), champion, best));
    String candidate = loop.register(EXCELLENT, champion, VersionStatus.CANDIDATE);
    assertTrue(judge(candidate, champion, 1).passed());
    assertEquals(
        "%s, the best version ever approved, %s, so that losses are measured from the champion"
            .formatted(best, why),
        check(candidate, "anchor").sentence());
  }

  @Test
  void aBestVersionThatIsDamagedIsNamedAndDoesNotStopTheDay() {
    loop.policy = "non_inferior(0.01)";
    loop.writeReference(600);
    String best = inProduction(EXCELLENT);
    String champion = loop.register(USELESS, null, VersionStatus.DEPLOYED);
    assertTrue(loop.champions.promote(champion(), champion, best));
    loop.store.blobs().remove(ModelStore.weightsId(loop.models.get(best)));
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    assertTrue(judge(candidate, champion, 1).passed());
    for (String name : List.of("anchor", "anchor_reference")) {
      assertTrue(check(candidate, name).sentence().startsWith("The weights of " + best), name);
    }
  }

  @Test
  void aRollbackOfTheBestVersionMakesTheOneThatComesBackTheAnchor() throws IOException {
    String first = inProduction(GOOD);
    loop.writeReference(600);
    String best = loop.register(EXCELLENT, first, VersionStatus.CANDIDATE);
    judge(best, first, 1);
    deploy(best);
    assertTrue(loop.champions.rollBack(champion(), first, bar(best)));
    assertEquals(first, champion().bestModelId());

    // Approved again after its release, it is the best again.
    loop.champions.release(MODEL, champion().bar(best).orElseThrow());
    assertTrue(judge(best, first, 2).passed());
    loop.models.move(best, Event.RETIRE, "");
    deploy(best);
    assertEquals(best, champion().bestModelId());
  }

  @Test
  void aRollbackOfAnotherVersionLeavesTheAnchor() {
    String best = inProduction(EXCELLENT);
    String champion = loop.register(GOOD, null, VersionStatus.DEPLOYED);
    String third = loop.register(USELESS, null, VersionStatus.RETIRED);
    assertTrue(loop.champions.promote(champion(), champion, best));
    assertTrue(loop.champions.rollBack(champion(), third, bar(champion)));
    assertEquals(best, champion().bestModelId());
  }

  private static Bar bar(String modelId) {
    return new Bar(modelId, 3, "kim", "too slow", "rollback", "2026-11-05T06:00:00Z");
  }

  /** A champion whose accuracy falls with its decision threshold, and its ROC AUC does not. */
  private String startSteps(String policy) {
    loop.metric = Metric.ROC_AUC;
    loop.policy = policy;
    loop.writeBatch(6000);
    return inProduction(EXCELLENT);
  }

  private String inProduction(int feature) {
    String modelId = loop.register(feature, null, VersionStatus.APPROVED);
    loop.models.move(modelId, Event.DEPLOY, "");
    loop.champions.install(MODEL, modelId);
    return modelId;
  }

  /** The same network, which takes a row for positive later: each step costs 0.01 of accuracy. */
  private String withThreshold(String parent, int steps) {
    ModelVersion version = loop.models.get(parent);
    double size = 0.5 + 0.026 * steps;
    ModelVersion next =
        ModelVersion.of(
                MODEL,
                Instant.parse("2026-01-10T10:15:00Z").plusSeconds(steps),
                new ModelVersion.Design(
                    version.architecture(), version.preprocessing(), version.target()),
                new ModelVersion.Lineage(
                    parent, "head", 5, 1e-4, "another day " + steps, Map.of(), List.of()),
                loop.models.weights(version))
            .withDecisionThreshold(1 / (1 + Math.exp(-2 * size)));
    loop.models.register(next, loop.models.weights(version), VersionStatus.CANDIDATE);
    return next.modelId();
  }

  private EvaluateFinetunedModel.Output judge(String candidate, String champion, int step) {
    loop.startRun("run " + step);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    return loop.evaluateFinetuned(candidate, champion, 1);
  }

  private double accuracy(String modelId) {
    return loop.evaluate(modelId).metrics().getOrDefault(Metric.ACCURACY.id(), 0.0);
  }

  private void deploy(String candidate) throws IOException {
    loop.models.move(candidate, Event.APPROVE, "");
    new DeployModel().run(new DeployModel.Input(MODEL, candidate, null), loop.context);
  }

  private Champion champion() {
    return loop.champions.find(MODEL).orElseThrow();
  }

  /** The check of that name in the last verdict on the version. */
  private Found check(String modelId, String name) {
    Document verdict =
        loop.store.collection("verdicts").find(new Document("model_id", modelId)).first();
    assertTrue(verdict != null);
    return verdict.getList("checks", Document.class).stream()
        .filter(check -> check.getString("name").equals(name))
        .map(check -> new Found(check.getString("answer"), check.getString("sentence")))
        .findFirst()
        .orElseThrow();
  }

  private record Found(String answer, String sentence) {}
}
