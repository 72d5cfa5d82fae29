package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.MODEL;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.deployment.DeployModel;

class AnchorTest {
  private static final int STEPS = 10;

  /** Weights of the first and the last feature, by step; the second's is 1. */
  private static final float[] N0 = {0.7f, 0.95f, 1.15f, 1.4f};

  private static final float[] N3 = {0.8f, 1.1f, 1.3f, 1.5f};

  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void tenStepsOfOnePercentDoNotAddUp() throws IOException {
    String first = startSteps("within(accuracy, 0.025)");
    int[] rows = holdout(first);
    EvaluateFinetunedModel.Output step =
        steps(3, first, (parent, steps) -> withLoss(parent, steps, rows));
    assertTrue(
        step.reason()
            .matches(
                ".* but its accuracy is 0[.]0(299|30[01]) below the best version "
                    + first
                    + "'s; it may fall by 0[.]025 at most[.]"),
        step.reason());
  }

  @Test
  void stepsThatEachClassAllowsDoNotAddUp() throws IOException {
    String first = startSteps("within_class(recall, 0.06)");
    int[] rows = ofClass(1, holdout(first));
    EvaluateFinetunedModel.Output step =
        steps(3, first, (parent, steps) -> withLoss(parent, 2.5 * steps, steps, rows));
    assertTrue(
        step.reason()
            .matches(
                (".* but its recall is 0[.]07[456]\\d* below the best version %s's on class '1',"
                        + " 0[.]\\d+ above the best version %s's on class '0'; it may fall by 0[.]06"
                        + " at most on each[.]")
                    .formatted(first, first)),
        step.reason());
  }

  /** Each version is better than the one before, and worse on the rows with the greatest n3. */
  @Test
  void stepsThatEachSliceAllowsDoNotAddUp() throws IOException {
    loop.policy = "slices(n3, 0.05)";
    loop.writeBatch(20_000);
    String first = mixed(loop.register(GOOD, null, VersionStatus.CANDIDATE), 0);
    loop.models.move(first, Event.APPROVE, "");
    install(first);
    EvaluateFinetunedModel.Output step = steps(3, first, this::mixed);
    assertTrue(
        step.reason()
            .matches(
                ".* but its accuracy is 0[.]0\\d+ below the best version "
                    + first
                    + "'s on n3 > .*; it may fall by 0[.]05 at most on each[.]"),
        step.reason());
  }

  /**
   * Puts versions into production, each made from the one before, until one is refused.
   *
   * @param expected how many are judged
   * @param next the next version of a version, and its number from 1
   */
  private EvaluateFinetunedModel.Output steps(
      int expected, String first, BiFunction<String, Integer, String> next) throws IOException {
    String champion = first;
    for (int steps = 1; steps <= STEPS; steps++) {
      String candidate = next.apply(champion, steps);
      EvaluateFinetunedModel.Output step = judge(candidate, champion, steps);
      if (!step.passed()) {
        assertEquals(expected, steps, step.reason());
        return step;
      }
      deploy(candidate);
      assertEquals(first, champion().bestModelId());
      champion = candidate;
    }
    throw new AssertionError("all steps pass");
  }

  @Test
  void tenStepsWouldAddUpIfTheAnchorFollowedTheChampion() {
    String champion = startSteps("within(accuracy, 0.025)");
    int[] rows = holdout(champion);
    double before = 0;
    double after = 0;
    for (int step = 1; step <= STEPS; step++) {
      String candidate = withLoss(champion, step, rows);
      EvaluateFinetunedModel.Output judged = judge(candidate, champion, step);
      assertTrue(judged.passed(), judged.reason());
      before = Math.max(before, accuracy(judged.championMetrics()));
      after = accuracy(judged.metrics());
      assertTrue(loop.champions.promote(champion(), candidate, candidate));
      champion = candidate;
    }
    assertEquals(0.1, before - after, 1e-3);
  }

  /** Each of two steps loses less than the limit on the reference, and both together more. */
  @ParameterizedTest
  @CsvSource({
    "HOLD, false, false, ''",
    "ASK, false, true, ''",
    "PROMOTE, true, false, ' To keep such a version out, set gate.on_conflict to hold, or to ask to"
        + " decide yourself.'"
  })
  void whatIsLostToTheBestVersionOnOrdinaryRowsIsAConflict(
      OnConflict onConflict, boolean passed, boolean asked, String advice) {
    loop.onConflict = onConflict;
    loop.retentionLimit = 0.2;
    loop.writeReference(4000);
    String best = inProduction(EXCELLENT);
    String champion = loop.register(GOOD, best, VersionStatus.DEPLOYED);
    assertTrue(loop.champions.promote(champion(), champion, best));
    loop.startDay(Loop.DATE.plusDays(1), true);
    String candidate = loop.register(POOR, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = judge(candidate, champion, 1);
    assertEquals(passed, judged.passed(), judged.reason());
    assertEquals(asked, judged.asked(), judged.reason());
    assertEquals("passed", check(candidate, "retention_reference").answer());
    assertTrue(
        judged
            .reason()
            .matches(
                "(?i).* but on the 3,990 reference rows the candidate has 0[.]7\\d+, 0[.]2\\d+"
                    + " below the best version "
                    + best
                    + "'s 0[.]9\\d+; 0[.]2 may be lost[.]"
                    + advice),
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
    install(modelId);
    return modelId;
  }

  private void install(String modelId) {
    loop.models.move(modelId, Event.DEPLOY, "");
    loop.champions.install(MODEL, modelId);
  }

  /** The rows that judge candidates; the same in each run on the day. */
  private int[] holdout(String champion) {
    String split = loop.prepare(champion).splitId();
    Batch batch = Batch.load(loop.context, loop.batch());
    return DataSplit.find(loop.context, batch, split).split().rows(Part.HOLDOUT);
  }

  private int[] ofClass(int label, int[] rows) {
    int[] labels = Batch.load(loop.context, loop.batch()).rows().labels();
    return Arrays.stream(rows).filter(row -> labels[row] == label).toArray();
  }

  private String withLoss(String parent, int steps, int[] rows) {
    return withLoss(parent, steps, steps, rows);
  }

  /**
   * The network of {@link #startSteps}, which takes a row for positive so much later that the share
   * of these rows that it answers rightly falls by so many percent since the first version.
   */
  private String withLoss(String parent, double percent, int steps, int[] rows) {
    Rows day = Batch.load(loop.context, loop.batch()).rows();
    float[] sizes = day.features().numbers()[EXCELLENT];
    int[] positive =
        Arrays.stream(rows)
            .filter(row -> sizes[row] > 0)
            .boxed()
            .sorted(Comparator.comparingDouble(row -> sizes[row]))
            .mapToInt(row -> row)
            .toArray();
    long wanted = Math.round(rows.length * percent / 100);
    int taken = 0;
    for (long lost = 0; lost < wanted; taken++) {
      lost += day.labels()[positive[taken]] == 1 ? 1 : -1;
    }
    double size = (sizes[positive[taken - 1]] + sizes[positive[taken]]) / 2;
    ModelVersion version = loop.models.get(parent);
    double threshold = 1 / (1 + Math.exp(-2 * size));
    return register(version, loop.models.weights(version), steps, threshold);
  }

  private String register(ModelVersion parent, Weights weights, int steps, double threshold) {
    ModelVersion next =
        ModelVersion.of(
                MODEL,
                Instant.parse("2026-01-10T10:15:00Z").plusSeconds(steps),
                new ModelVersion.Design(
                    parent.architecture(), parent.preprocessing(), parent.target()),
                new ModelVersion.Lineage(
                    parent.modelId(), "head", 5, 1e-4, "another day " + steps, Map.of(), List.of()),
                weights)
            .withDecisionThreshold(threshold);
    loop.models.register(next, weights, VersionStatus.CANDIDATE);
    return next.modelId();
  }

  /** A version that answers by n0, n1 and the positive n3, the more by n0 and n3 the later. */
  private String mixed(String parent, int steps) {
    ModelVersion version = loop.models.get(parent);
    SortedMap<String, Tensor> tensors = new TreeMap<>(loop.models.weights(version).tensors());
    float[] hidden = new float[16];
    hidden[EXCELLENT] = hidden[12 + EXCELLENT] = N0[steps];
    hidden[GOOD] = hidden[12 + GOOD] = 1;
    hidden[USELESS] = N3[steps];
    tensors.put("fc.0.weight", new Tensor(new int[] {2, 8}, hidden));
    return register(version, new Weights(tensors), steps, 0.5);
  }

  private EvaluateFinetunedModel.Output judge(String candidate, String champion, int step) {
    loop.startRun("run " + step);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    return loop.evaluateFinetuned(candidate, champion, 1);
  }

  private static double accuracy(Map<String, Double> metrics) {
    return metrics.getOrDefault(Metric.ACCURACY.id(), Double.NaN);
  }

  private void deploy(String candidate) throws IOException {
    loop.models.move(candidate, Event.APPROVE, "");
    new DeployModel().run(new DeployModel.Input(MODEL, candidate, null, null), loop.context);
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
