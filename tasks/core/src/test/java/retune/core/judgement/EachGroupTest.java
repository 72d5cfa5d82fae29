package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.PolicyInput.Latency;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/** The champion is right in all rows, the candidate wrong in some of one class or one slice. */
class EachGroupTest {
  private static final int EACH = 400;
  private static final List<String> NAMES = List.of("low", "middle", "high");

  @ParameterizedTest
  @CsvSource({
    // wrong rows of 400 of class "high", evidence, answer
    "10, POINT, PASSED",
    "30, POINT, FAILED",
    "0, INTERVAL, PASSED",
    "5, INTERVAL, PASSED",
    "15, INTERVAL, UNDECIDED",
    "60, INTERVAL, FAILED"
  })
  void aLossOnOneClassDecidesWhateverTheOthersGain(int wrong, Evidence evidence, Answer answer) {
    Check check = ofClasses(evidence, wrong);
    assertEquals("within_class_recall", check.name());
    assertEquals(answer, check.answer(), check.sentence());
    assertEquals(-wrong / 400.0, check.value(), 1e-12);
    assertEquals(-0.05, check.limit());
    assertEquals(3 * EACH, check.rows());
    assertEquals(answer == Answer.UNDECIDED, check.moreRows() > 0, check.toString());
  }

  @Test
  void theSentenceNamesTheWorstClassesAndTheLevelOfAll() {
    Check check = ofClasses(Evidence.INTERVAL, 60);
    assertEquals(
        "its recall is 0.1500 below the champion's on class 'high' (at most -0.1120 with 98.3 %"
            + " confidence), 0.0000 above the champion's on class 'low' (at least 0.0000 with 98.3"
            + " % confidence), 0.0000 above the champion's on class 'middle' (at least 0.0000 with"
            + " 98.3 % confidence); it may fall by 0.05 at most on each",
        check.sentence());
    // Bonferroni over three classes; the interval has both one-sided bounds.
    assertEquals(1 - 2 * 0.05 / 3, Objects.requireNonNull(check.interval()).confidence(), 1e-12);
  }

  @Test
  void theInfluenceOnAClassIsThatOfItsShare() {
    Check check = ofClasses(Evidence.INTERVAL, 60);
    double share = 60 / 400.0;
    double error = Math.sqrt(share * (1 - share) / 400 * 1200 / 1199);
    assertEquals(-share - 2.128045 * error, Objects.requireNonNull(check.interval()).low(), 1e-6);
  }

  @Test
  void smallClassesAreJudgedTogetherAndListed() {
    int[] labels = IntStream.range(0, 460).map(row -> row < 400 ? 0 : 1 + row % 3).toArray();
    Predictions champion = answering(labels, 4, row -> false);
    Predictions candidate = answering(labels, 4, row -> labels[row] == 2);
    Check check =
        check(
            comparison(Evidence.POINT, candidate, champion)
                .with(new PolicyInput(List.of("a", "b", "c", "d"), new Table(List.of()), null)),
            "within_class(recall, 0.05)");
    assertEquals(-20 / 60.0, check.value(), 1e-12);
    assertEquals(Answer.FAILED, check.answer());
    assertTrue(
        check
            .sentence()
            .startsWith(
                "its recall is 0.3333 below the champion's on classes 'b', 'c', 'd' together"),
        check.sentence());
    assertTrue(
        check.sentence().endsWith("'b', 'c', 'd' have too few rows and are judged together"),
        check.sentence());
  }

  @Test
  void aClassOfFewRowsLeavesTheQuestionOpen() {
    int[] labels = IntStream.range(0, 410).map(row -> row < 400 ? 0 : 1).toArray();
    Predictions same = answering(labels, 2, row -> false);
    Check check = check(comparison(Evidence.INTERVAL, same, same), "within_class(f1_score, 0.05)");
    assertEquals(Answer.UNDECIDED, check.answer(), check.sentence());
    assertEquals(0, check.value());
    assertNull(check.interval());
    // 50 rows of the class are needed, and one row in 41 is of it.
    assertEquals(410 * 5 - 410, check.moreRows());
    assertTrue(check.sentence().contains("on class '1'"), check.sentence());
  }

  @ParameterizedTest
  @CsvSource({
    // wrong rows of 400 in the south, evidence, answer
    "30, POINT, FAILED",
    "30, INTERVAL, UNDECIDED",
    "80, INTERVAL, FAILED",
    "2, INTERVAL, PASSED"
  })
  void aLossOnOneSliceDecides(int wrong, Evidence evidence, Answer answer) {
    Check check = ofSlices(evidence, wrong);
    assertEquals("slices_region", check.name());
    assertEquals(answer, check.answer(), check.sentence());
    assertEquals(-wrong / 400.0, check.value(), 1e-12);
    assertTrue(
        check.sentence().contains("below the champion's on region = south"), check.sentence());
  }

  @Test
  void theVerdictIsRejectedThoughTheWholeIsNotBelowTheChampion() {
    int[] labels = IntStream.range(0, 1200).map(row -> row % 2).toArray();
    // The candidate gains 150 rows in the north and loses 100 in the south.
    Predictions champion = answering(labels, 2, row -> row >= 400 && row < 550);
    Predictions candidate = answering(labels, 2, row -> row < 100);
    Verdict verdict =
        comparison(Evidence.POINT, candidate, champion)
            .with(new PolicyInput(List.of(), new Table(List.of(regions(1200))), null))
            .judge(PromotionPolicy.parse("slices(region, 0.05)"), List.of());
    assertEquals(Verdict.Kind.REJECTED, verdict.kind());
    assertTrue(
        verdict
            .reason()
            .contains(
                "but its accuracy is 0.2500 below the champion's on region = south, 0.1875 above"
                    + " the champion's on region = north; it may fall by 0.05 at most on each."),
        verdict.reason());
  }

  @Test
  void smallSlicesAreJudgedTogetherAndOnWhichNothingIsDefinedAreTold() {
    int rows = 300;
    int[] labels = IntStream.range(0, rows).map(row -> row % 2).toArray();
    @Nullable String[] shops = new @Nullable String[rows];
    for (int row = 0; row < rows; row++) {
      shops[row] = "shop " + (row < 180 ? 0 : 1 + row % 6);
    }
    Predictions same = answering(labels, 2, row -> false);
    Check together =
        check(
            comparison(Evidence.POINT, same, same)
                .with(
                    new PolicyInput(
                        List.of(), new Table(List.of(new Column.Texts("shop", shops))), null)),
            "slices(shop, 0.05)");
    assertEquals(Answer.PASSED, together.answer());
    assertTrue(
        together
            .sentence()
            .endsWith(
                "shop = shop 1, shop 2, shop 3 and 3 more have too few rows and are judged"
                    + " together"),
        together.sentence());

    @Nullable String[] halves = new @Nullable String[rows];
    for (int row = 0; row < rows; row++) {
      halves[row] = labels[row] == 0 ? "even" : row < 3 ? "first" : "odd";
    }
    Comparison byArea =
        new Comparison(new Gate(Metric.ROC_AUC, 0.5), Evidence.POINT, 0.05, same, same)
            .with(
                new PolicyInput(
                    List.of(), new Table(List.of(new Column.Texts("half", halves))), null));
    // Each half has rows of one class only; together they are all rows.
    assertEquals(Answer.PASSED, check(byArea, "slices(half, 0.05)").answer());
  }

  @Test
  void aMetricThatIsDefinedNowhereDecidesNothing() {
    int[] labels = new int[100];
    Predictions same = answering(labels, 2, row -> false);
    Comparison comparison =
        new Comparison(new Gate(Metric.ROC_AUC, 0.5), Evidence.POINT, 0.05, same, same)
            .with(new PolicyInput(List.of(), new Table(List.of(regions(100))), null));
    Check check = check(comparison, "slices(region, 0.05)");
    assertEquals(Answer.UNDECIDED, check.answer());
    assertEquals("its roc_auc is not defined on region = south", check.sentence());
  }

  @Test
  void theTimeOfAPredictionIsComparedWithTheChampions() {
    Predictions same = answering(new int[] {0, 1}, 2, row -> false);
    Comparison comparison =
        comparison(Evidence.POINT, same, same)
            .with(
                new PolicyInput(List.of(), new Table(List.of()), new Latency(0.0021, 0.0014, 200)));
    Check slower = check(comparison, "latency(1.4)");
    assertEquals(Answer.FAILED, slower.answer());
    assertEquals(1.5, slower.value(), 1e-12);
    assertEquals(200, slower.rows());
    assertEquals(
        "a prediction takes it 2.100 ms and the champion 1.400 ms, 1.50 times as long; 1.4 times"
            + " may be",
        slower.sentence());
    assertEquals(Answer.PASSED, check(comparison, "latency(1.6)").answer());
  }

  @Test
  void whatEachGroupMayLoseIsMeasuredFromTheBestVersionToo() {
    int[] labels = IntStream.range(0, 1200).map(row -> row % 3).toArray();
    Comparison best =
        new Comparison(
            new Gate(Metric.ACCURACY, 0.5),
            Evidence.POINT,
            0.05,
            answering(labels, 3, row -> row < 60),
            answering(labels, 3, row -> false),
            "best version v1",
            new PolicyInput(
                NAMES, new Table(List.of(regions(1200))), new Latency(0.003, 0.002, 200)));
    PromotionPolicy policy =
        PromotionPolicy.parse(
            "within(accuracy, 0.1) and within_class(recall, 0.1) and slices(region, 0.1) and"
                + " superior and flips and latency");
    assertTrue(policy.permitsLoss());
    List<Check> anchored = policy.anchored(best);
    assertEquals(
        List.of("anchor_within_accuracy", "anchor_within_class_recall", "anchor_slices_region"),
        anchored.stream().map(Check::name).toList());
    assertEquals(
        List.of(Answer.PASSED, Answer.PASSED, Answer.FAILED),
        anchored.stream().map(Check::answer).toList());
    assertEquals(
        "its accuracy is 0.1500 below the best version v1's on region = south, 0.0000 above the"
            + " best version v1's on region = north; it may fall by 0.1 at most on each",
        anchored.getLast().sentence());
    assertFalse(PromotionPolicy.parse("superior and flips and latency").permitsLoss());
  }

  private static Check ofClasses(Evidence evidence, int wrong) {
    int[] labels = IntStream.range(0, 3 * EACH).map(row -> row / EACH).toArray();
    Predictions champion = answering(labels, 3, row -> false);
    Predictions candidate = answering(labels, 3, row -> row >= 3 * EACH - wrong);
    return check(
        comparison(evidence, candidate, champion)
            .with(new PolicyInput(NAMES, new Table(List.of()), null)),
        "within_class(recall, 0.05)");
  }

  private static Check ofSlices(Evidence evidence, int wrong) {
    int[] labels = IntStream.range(0, 1200).map(row -> row % 2).toArray();
    return check(
        comparison(
                evidence,
                answering(labels, 2, row -> row < wrong),
                answering(labels, 2, row -> false))
            .with(new PolicyInput(List.of(), new Table(List.of(regions(1200))), null)),
        "slices(region, 0.05)");
  }

  /** The first 400 rows are in the south, the others in the north. */
  private static Column regions(int rows) {
    return new Column.Texts(
        "region",
        IntStream.range(0, rows)
            .mapToObj(row -> row < 400 ? "south" : "north")
            .toArray(String[]::new));
  }

  private static Comparison comparison(
      Evidence evidence, Predictions candidate, Predictions champion) {
    return new Comparison(new Gate(Metric.ACCURACY, 0.5), evidence, 0.05, candidate, champion);
  }

  private static Check check(Comparison comparison, String policy) {
    List<Check> checks = PromotionPolicy.parse(policy).checks(comparison);
    assertEquals(1, checks.size());
    return checks.getFirst();
  }

  private interface Wrong {
    boolean at(int row);
  }

  /** Answers with the label, and where that is wrong with the next class. */
  private static Predictions answering(int[] labels, int classes, Wrong wrong) {
    double[] probabilities = new double[labels.length * classes];
    for (int row = 0; row < labels.length; row++) {
      int answer = wrong.at(row) ? (labels[row] + 1) % classes : labels[row];
      probabilities[row * classes + answer] = 1;
    }
    return new Predictions(labels, probabilities, classes, 1, 0.5);
  }
}
