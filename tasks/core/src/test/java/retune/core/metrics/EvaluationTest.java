package retune.core.metrics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import tools.jackson.databind.json.JsonMapper;

class EvaluationTest {
  private static final Target TARGET = new Target("default", List.of("no", "yes"), "yes");

  /** As {@code src/test/python/metrics_fixtures.py} records it. */
  private record Fixture(
      String name,
      int classes,
      int positive,
      double threshold,
      int[] labels,
      double[] probabilities,
      long[][] confusion,
      Map<String, Double> metrics) {}

  @TestFactory
  List<DynamicTest> everyMetricEqualsScikitLearns() throws IOException {
    Fixture[] fixtures;
    try (InputStream json = EvaluationTest.class.getResourceAsStream("fixtures.json")) {
      fixtures = JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixture[].class);
    }
    return List.of(fixtures).stream()
        .map(fixture -> DynamicTest.dynamicTest(fixture.name, () -> assertEqual(fixture)))
        .toList();
  }

  private static void assertEqual(Fixture fixture) {
    Evaluation evaluation =
        Evaluation.of(
            new Predictions(
                fixture.labels,
                fixture.probabilities,
                fixture.classes,
                fixture.positive,
                fixture.threshold));
    assertEquals(fixture.metrics.keySet(), evaluation.toMap().keySet());
    evaluation
        .toMap()
        .forEach(
            (metric, value) ->
                assertEquals(
                    Objects.requireNonNull(fixture.metrics.get(metric)), value, 1e-9, metric));
    assertArrayEquals(fixture.confusion, evaluation.confusion().counts());
  }

  @Test
  void aHandfulOfRowsCanBeCheckedByHand() {
    // yes answered from 0.5 on: one right, one wrong, one missed, one rightly left alone.
    Evaluation evaluation =
        Evaluation.of(
            new Predictions(
                new int[] {1, 0, 1, 0}, new double[] {.1, .9, .4, .6, .7, .3, .8, .2}, 2, 1, 0.5));
    assertArrayEquals(new long[][] {{1, 1}, {1, 1}}, evaluation.confusion().counts());
    assertEquals(0.5, evaluation.accuracy());
    assertEquals(0.5, evaluation.f1Score());
    assertEquals(0.75, evaluation.rocAuc());
  }

  @Test
  void rowsWithoutALabelAreNotMeasured() {
    int[] labels = {1, Target.UNLABELLED, 0};
    double[] probabilities = {.2, .8, .9, .1, .6, .4};
    Predictions labelled = Predictions.of(TARGET, labels, probabilities, 0.5);
    assertArrayEquals(new int[] {1, 0}, labelled.labels());
    assertArrayEquals(new double[] {.2, .8, .6, .4}, labelled.probabilities());
    assertEquals(2, Evaluation.of(labelled).rows());
  }

  @Test
  void noLabelledRowIsRefusedInWords() {
    int[] labels = {Target.UNLABELLED};
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> Predictions.of(TARGET, labels, new double[] {.5, .5}, 0.5));
    assertEquals(
        "No row has a label, so a model cannot be evaluated. Add labels or choose another batch.",
        refusal.getMessage());
  }

  @Test
  void aProbabilityThatIsNoneIsRefusedWithItsRow() {
    int[] labels = {0, 1};
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> new Predictions(labels, new double[] {.5, .5, Double.NaN, .5}, 2, 1, 0.5));
    assertEquals(
        "The model predicts the probability NaN for row 1, which is not between 0 and 1. Its"
            + " weights are damaged; register it again.",
        refusal.getMessage());
  }

  @Test
  void aMetricThatIsNotDefinedIsLeftOut() {
    Evaluation oneClass =
        Evaluation.of(new Predictions(new int[] {1, 1}, new double[] {.2, .8, .1, .9}, 2, 1, 0.5));
    assertTrue(Double.isNaN(oneClass.value(Metric.ROC_AUC)));
    assertFalse(oneClass.toMap().containsKey("roc_auc"));
  }

  @Test
  void theReportNamesWhatWasMeasuredOn() {
    Evaluation evaluation =
        Evaluation.of(new Predictions(new int[] {0, 1}, new double[] {.9, .1, .2, .8}, 2, 1, 0.5));
    Map<String, Object> report = evaluation.toReport(23, "2026-11-05T00:00:00Z");
    assertEquals(2, report.get("n_classes"));
    assertEquals(23, report.get("n_features"));
    assertEquals(2, report.get("n_samples"));
    assertEquals("2026-11-05T00:00:00Z", report.get("training_date"));
    assertEquals(1.0, report.get("f1_score"));
    assertEquals(List.of(List.of(1L, 0L), List.of(0L, 1L)), report.get("confusion_matrix"));
  }
}
