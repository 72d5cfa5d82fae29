package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.model.ModelFolder;
import retune.model.TestModels;
import retune.testing.Refusals;

class PredictorTest {
  private static final Target TARGET = new Target("default", List.of("no", "yes"), "yes");

  @Test
  void rowsAndEncodedRowsHaveTheSameOutputs() {
    ModelFolder.Content model = TestModels.small(1);
    Features features = TestModels.features(TestModels.schema(2, 3), 7, 2);
    try (Engine engine = new PlainEngine(model.version(), model.weights(), 1)) {
      Predictor predictor = new Predictor(model.version(), engine);
      Outputs outputs = predictor.predict(features);
      Outputs again = predictor.predictEncoded(engine.encode(features), 7);
      float[] logits = engine.head(engine.encode(features), 7);
      assertEquals(7, outputs.rows());
      for (int row = 0; row < 7; row++) {
        assertEquals(logits[2 * row + 1], outputs.logit(row, 1));
        assertArrayEquals(outputs.probabilities(row), again.probabilities(row));
        double positive = 1 / (1 + Math.exp((double) logits[2 * row] - logits[2 * row + 1]));
        assertEquals(positive, outputs.probability(row, 1), 1e-12);
        assertEquals(positive >= 0.4 ? 1 : 0, outputs.predicted(row));
      }
    }
  }

  @Test
  void noRowsHaveNoOutputs() {
    ModelFolder.Content model = TestModels.small(1);
    try (Engine engine = new PlainEngine(model.version(), model.weights(), 1)) {
      Features none = TestModels.features(TestModels.schema(2, 3), 0, 2);
      assertEquals(0, new Predictor(model.version(), engine).predict(none).rows());
    }
  }

  /** Logits 0 and ln 3 are the probabilities 1/4 and 3/4. */
  @Test
  void predictionsKeepTheThresholdAndLeaveOutRowsWithoutALabel() {
    float three = (float) Math.log(3);
    Outputs outputs = Outputs.of(new float[] {0, three, 0, 0, three, 0}, TARGET, 0.75 - 1e-6);
    Predictions predictions = outputs.against(new int[] {1, Target.UNLABELLED, 0});
    assertArrayEquals(new int[] {1, 0}, predictions.labels());
    assertArrayEquals(new double[] {0.25, 0.75, 0.75, 0.25}, predictions.probabilities(), 1e-7);
    assertEquals(1, predictions.answer(0));
    assertEquals(0, outputs.predicted(1));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN})
  void aLogitThatIsNotFiniteIsRefusedWithItsRow(float logit) {
    Refusals.assertRefused(
        "The model's logit for row 1 is " + logit,
        () -> Outputs.of(new float[] {0, 0, 0, logit}, TARGET, 0.5));
  }
}
