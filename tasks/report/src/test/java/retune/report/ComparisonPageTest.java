package retune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.data.Target;
import retune.core.judgement.ComparisonReport;
import retune.core.judgement.ComparisonReport.Question;
import retune.core.judgement.Difference;
import retune.core.judgement.PolicyInput;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Interval;
import retune.core.statistics.PairedBootstrap;

class ComparisonPageTest {
  @Test
  void threeClassesHaveCurvesAndTables() {
    String page = page(3, 600);
    assertEquals(3, page.split("aria-label=\"ROC curve of", -1).length - 1);
    assertTrue(page.contains("<th class=\"n\">answered class 2</th>"), page);
    assertFalse(page.contains("DeLong"), page);
    assertTrue(
        page.contains("<th class=\"n\">95 % interval</th><th class=\"n\">p-value</th>"), page);
  }

  @Test
  void manyClassesAreToldByTheirF1() {
    String page = page(77, 1_540);
    assertEquals(3, page.split("aria-label=\"ROC curve of", -1).length - 1);
    assertTrue(page.contains("The classes whose F1 falls most:"), page);
    assertFalse(page.contains("answered class 2"), page);
  }

  @ParameterizedTest
  @CsvSource({"F1_MACRO, f1_macro, auc and log_loss", "ROC_AUC, auc, log_loss"})
  void aLoopsReportResamplesThePrimaryMetricAndTheMetricsOfAnswers(
      Metric metric, String primary, String approximated) {
    Random random = new Random(3);
    int[] labels = IntStream.range(0, 400).map(row -> row % 2).toArray();
    Predictions baseline = answers(labels, 2, 0.7, random);
    Predictions candidate = answers(labels, 2, 0.9, random);
    Verdict verdict = new Verdict(Verdict.Kind.APPROVED, metric, 0.9, 0.8, List.of(), "It passes.");
    ComparisonReport report =
        ComparisonReport.of(
            new Question(metric, 0, 0.05, null, new PairedBootstrap(1, 2_000)),
            baseline,
            candidate,
            verdict);
    Target target = new Target("kind", List.of("no", "yes"), "yes");
    String page = ComparisonPage.of(report, List.of(), target, Map.of());
    assertTrue(
        page.contains("Those of %s are normal approximations.".formatted(approximated)), page);
    assertTrue(
        page.contains("aria-label=\"Improvement of %s in 2,000 resamples\"".formatted(primary)));
    // Both ways to an interval agree.
    ComparisonReport compared =
        ComparisonReport.of(report.question(), baseline, candidate, PolicyInput.NONE);
    assertFalse(
        ComparisonPage.of(compared, List.of(), target, Map.of()).contains("normal approximations"));
    for (int i = 0; i < report.differences().size(); i++) {
      Difference loops = report.differences().get(i);
      Difference resampled = compared.differences().get(i);
      assertEquals(loops.name(), resampled.name());
      assertEquals(loops.improvement(), resampled.improvement(), 1e-12);
      Interval interval = resampled.distribution().interval(0.9);
      double tolerance = 0.1 * (interval.high() - interval.low());
      assertEquals(interval.low(), loops.distribution().interval(0.9).low(), tolerance);
      assertEquals(interval.high(), loops.distribution().interval(0.9).high(), tolerance);
    }
  }

  /** Names are text of the user's: nothing of them is markup. */
  private static String page(int classes, int rows) {
    Target target =
        new Target(
            "kind",
            IntStream.range(0, classes)
                .mapToObj(label -> label == 0 ? "<b>first</b>" : "class " + label)
                .toList(),
            null);
    Question question =
        new Question(Metric.F1_MACRO, 0.01, 0.05, null, new PairedBootstrap(1, 1_000));
    Random random = new Random(2);
    int[] labels = IntStream.range(0, rows).map(row -> row % classes).toArray();
    ComparisonReport report =
        ComparisonReport.of(
            question,
            answers(labels, classes, 0.7, random),
            answers(labels, classes, 0.9, random),
            PolicyInput.NONE);
    assertTrue(report.shouldPromote(), report.reason());
    String page = ComparisonPage.of(report, List.of(), target, Map.of("baseline", "<i>id</i>"));
    assertFalse(page.contains("NaN") || page.contains("<b>") || page.contains("<i>"), page);
    return page;
  }

  private static Predictions answers(int[] labels, int classes, double right, Random random) {
    double[] probabilities = new double[labels.length * classes];
    for (int row = 0; row < labels.length; row++) {
      int answer = random.nextDouble() < right ? labels[row] : random.nextInt(classes);
      double sure = 0.5 + 0.4 * random.nextDouble();
      for (int label = 0; label < classes; label++) {
        probabilities[row * classes + label] = label == answer ? sure : (1 - sure) / (classes - 1);
      }
    }
    return new Predictions(labels, probabilities, classes, 0, 0.5);
  }
}
