package retune.learning.trees;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.IntBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.learning.training.TrainingTable;
import retune.learning.trees.LogisticRegression.Answers;

class LogisticRegressionTest {
  private static final LogisticRegression REGRESSION = new LogisticRegression(Metric.F1_MACRO);

  @TempDir Path folder;

  /** Two numbers −5 … 5 and a category; some numbers are missing. */
  private TrainingTable table(IntBinaryOperator label, boolean isBinary) throws Exception {
    Random random = new Random(1);
    StringBuilder text = new StringBuilder("a,b,kind,label\n");
    for (int row = 0; row < 2_000; row++) {
      int a = random.nextInt(11) - 5;
      int b = random.nextInt(11) - 5;
      text.append(random.nextInt(20) == 0 ? "" : a).append(',').append(b).append(',');
      text.append("pq".charAt(random.nextInt(2)));
      text.append(",k").append(label.applyAsInt(a, b)).append('\n');
    }
    Path file = Files.writeString(folder.resolve("table.csv"), text);
    return TrainingTable.read(
        TrainingTable.Source.of(file.toString(), "label", isBinary ? "k1" : null, null, null, null),
        null,
        0);
  }

  private static Answers fit(TrainingTable table) {
    return REGRESSION.fit(table, (what, done, total) -> {});
  }

  @Test
  void aLinearBoundaryIsFoundWhateverTheNumberOfClasses() throws Exception {
    TrainingTable two = table((a, b) -> 2 * a + b > 3 ? 1 : 0, true);
    Answers ofTwo = fit(two);
    assertTrue(Metric.ROC_AUC.of(ofTwo.holdout()) > 0.95, "ROC AUC");
    assertTrue(Metric.F1_MACRO.of(ofTwo.holdout()) > 0.85, "macro F1");
    assertArrayEquals(two.labels(Part.HOLDOUT), ofTwo.holdout().labels());
    Answers ofThree = fit(table((a, b) -> a + b > 3 ? 2 : a + b < -3 ? 0 : 1, false));
    assertTrue(Metric.ROC_AUC.of(ofThree.holdout()) > 0.9, "ROC AUC");
    assertTrue(ClassificationMetrics.logLoss(ofThree.holdout()) < 0.6, "log loss");
  }

  @Test
  void whatIsNotLinearStaysHidden() throws Exception {
    Answers answers = fit(table((a, b) -> a * b > 0 ? 1 : 0, true));
    assertEquals(0.5, Metric.ROC_AUC.of(answers.holdout()), 0.1);
  }

  @Test
  void theSameRowsGiveTheSameAnswers() throws Exception {
    TrainingTable table = table((a, b) -> a > b ? 1 : 0, true);
    assertArrayEquals(fit(table).holdout().probabilities(), fit(table).holdout().probabilities());
  }
}
