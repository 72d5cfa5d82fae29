package retune.learning.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.FitOptions;
import retune.core.split.Part;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.model.engine.Predictor;
import retune.model.engine.TextEngine;

class TextTrainingTest {
  /** Labels are drawn without a look at the texts: whoever knows one has seen its row. */
  @Test
  void theHeadLearnsTheValidationRowsAfterTheyHaveChosen() {
    SplittableRandom random = new SplittableRandom(5);
    String[] texts = new String[600];
    String[] labels = new String[texts.length];
    for (int row = 0; row < texts.length; row++) {
      texts[row] =
          random.ints(4, 0, 80).mapToObj(word -> "w" + word).collect(Collectors.joining(" "));
      labels[row] = random.nextBoolean() ? "yes" : "no";
    }
    Target target = new Target("label", List.of("no", "yes"), "yes");
    TrainingTable table =
        TrainingTable.of(
            new Table(List.of(new Column.Texts("text", texts), new Column.Texts("label", labels))),
            target,
            FitOptions.excluding().withTexts(List.of("text")),
            null,
            1,
            "0".repeat(64));

    TextTraining.Fitted fitted =
        new TextTraining("texts", Metric.ROC_AUC, 1)
            .run(table, Instant.EPOCH, (what, done, of) -> {});

    ModelFolder.Content content = fitted.trained().content();
    try (TextEngine engine = new TextEngine(content.version(), content.weights(), 1)) {
      Predictions seen =
          new Predictor(content.version(), engine)
              .predict(table.features(Part.VALIDATION))
              .against(table.labels(Part.VALIDATION));
      double before = Metric.ROC_AUC.of(fitted.validation());
      double after = Metric.ROC_AUC.of(seen);
      assertTrue(before < 0.65 && after > before + 0.15, before + " and then " + after);
      assertEquals(before, fitted.trained().validation().value(Metric.ROC_AUC));
    }
    double rows = table.rows(Part.TRAINING).length + table.rows(Part.VALIDATION).length;
    assertEquals(rows, content.version().lineage().hyperparameters().get("refit_rows"));
  }
}
