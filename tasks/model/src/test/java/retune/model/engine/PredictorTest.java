package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.calibration.Calibrator;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.metrics.Predictions;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.TestModels;
import retune.model.WeightShapes;
import retune.model.Weights;
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
  void probabilitiesAreCalibratedAndLogitsAndDecisionsAreNot() {
    ModelFolder.Content model = TestModels.small(1);
    Features features = TestModels.features(TestModels.schema(2, 3), 500, 2);
    for (Calibrator calibrator :
        List.of(
            new Calibrator.Temperature(0.4),
            new Calibrator.Platt(0.5, -1.5),
            new Calibrator.Isotonic(new double[] {-0.2, 0.1, 0.3}, new double[] {-2.0, -1.0, 3.0}),
            new Calibrator.Prior(new Calibrator.Platt(0.5, -1.5), new double[] {0.7}))) {
      try (Engine engine = new PlainEngine(model.version(), model.weights(), 1)) {
        double aRow = new Predictor(model.version(), engine).predict(features).probability(3, 1);
        ModelVersion uncalibrated = model.version().withDecisionThreshold(aRow);
        ModelVersion calibrated = TestModels.calibrated(uncalibrated, calibrator);
        Outputs before = new Predictor(uncalibrated, engine).predict(features);
        Outputs after = new Predictor(calibrated, engine).predict(features);
        int positives = 0;
        for (int row = 0; row < 500; row++) {
          assertEquals(before.logit(row, 0), after.logit(row, 0));
          assertEquals(before.logit(row, 1), after.logit(row, 1));
          assertEquals(before.predicted(row), after.predicted(row), calibrator.id());
          double logOdds =
              calibrator.calibrated((double) after.logit(row, 1) - after.logit(row, 0));
          assertEquals(1 / (1 + Math.exp(-logOdds)), after.probability(row, 1), 1e-12);
          assertEquals(1, after.probability(row, 0) + after.probability(row, 1), 1e-12);
          positives += after.predicted(row);
        }
        assertTrue(positives > 0 && positives < 500, positives + " positives");
        int[] labels = new int[500];
        assertEquals(
            calibrated.decisionThreshold(), after.against(labels).threshold(), calibrator.id());
        assertEquals(after.probability(7, 1), after.against(labels).probability(7, 1));
      }
    }
  }

  @Test
  void severalClassesAreCalibratedByDividingLogits() {
    FeatureSchema schema = TestModels.schema(2, 3);
    Weights weights = TestModels.weights(WeightShapes.of(TestModels.SMALL, schema, 3), 1);
    ModelVersion version = TestModels.version(TestModels.SMALL, schema, 3, weights);
    Outputs outputs =
        Outputs.of(
            new float[] {1, 3, 2}, TestModels.calibrated(version, new Calibrator.Temperature(2)));
    double sum = Math.exp(0.5) + Math.exp(1.5) + Math.exp(1);
    assertArrayEquals(
        new double[] {Math.exp(0.5) / sum, Math.exp(1.5) / sum, Math.exp(1) / sum},
        outputs.probabilities(0),
        1e-15);
    assertEquals(1, outputs.predicted(0));
  }

  @Test
  void severalClassesAreCorrectedByABiasForEach() {
    FeatureSchema schema = TestModels.schema(2, 3);
    Weights weights = TestModels.weights(WeightShapes.of(TestModels.SMALL, schema, 3), 1);
    ModelVersion version = TestModels.version(TestModels.SMALL, schema, 3, weights);
    Calibrator prior =
        new Calibrator.Prior(new Calibrator.Temperature(2), new double[] {0, -1, 0.5});
    Outputs outputs = Outputs.of(new float[] {1, 3, 2}, TestModels.calibrated(version, prior));
    double sum = Math.exp(0.5) + Math.exp(0.5) + Math.exp(1.5);
    assertArrayEquals(
        new double[] {Math.exp(0.5) / sum, Math.exp(0.5) / sum, Math.exp(1.5) / sum},
        outputs.probabilities(0),
        1e-15);
    assertEquals(2, outputs.predicted(0));
    assertEquals(3, outputs.logit(0, 1));
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
