package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.DATE;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.ROWS;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.model.ModelVersion;
import retune.steps.audit.History;
import retune.steps.drift.DetectDrift;
import retune.steps.evaluation.EstimatePerformance.Position;
import retune.testing.Calibrations;

class EstimatePerformanceTest {
  private final Loop loop = new Loop();
  private final String model = loop.register(GOOD, null, VersionStatus.DEPLOYED);

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void labelledDaysCorrectTheEstimateOfADayWithoutLabels() {
    for (int day = 4; day >= 1; day--) {
      loop.startDay(DATE.minusDays(day), ROWS, 0.2);
      loop.evaluate(model);
    }
    loop.startDay(DATE, ROWS, 0.2);
    double truth = value(loop.evaluate(model).metrics().get("accuracy"));
    loop.unlabel();

    EstimatePerformance.Output output = estimate(Metric.ACCURACY, 0.6);
    assertTrue(value(output.low()) <= truth && truth <= value(output.high()), output.reason());
    assertTrue(value(output.high()) - value(output.low()) < 0.2, output.reason());
    assertEquals(
        List.of(
            "credit-default/2026-11-04",
            "credit-default/2026-11-03",
            "credit-default/2026-11-02",
            "credit-default/2026-11-01"),
        output.correctedBy());
    assertEquals(Position.ABOVE, output.position());
    assertEquals(ROWS, output.rows());
    assertEquals(0, output.labelled());
    assertNull(output.known());
    assertFalse(output.contradicted(), "these labels calibrate the model, which is not");
    assertTrue(output.reason().contains("which these labels calibrate"), output.reason());
    assertTrue(output.reason().endsWith("All of the interval reaches the threshold of 0.6."));

    Document kept =
        loop.store
            .collection(EstimatePerformance.COLLECTION)
            .find(new Document("model_id", model))
            .first();
    assertNotNull(kept);
    assertEquals(output.estimate(), kept.getDouble("estimate"));
    assertEquals(output.reason(), kept.getString("reason"));
    assertEquals("above", kept.getString("position"));
    assertEquals(0.6, kept.getDouble("threshold"));
  }

  @Test
  void labelledDaysContradictACalibratedModelWhoseRelationHasChanged() {
    ModelVersion plain = loop.models.get(model);
    ModelVersion calibrated =
        plain.withCalibration(
            Calibrations.by(new Calibrator.Temperature(1.1), plain.target(), 0.5), "the table");
    loop.models.register(calibrated, loop.models.weights(plain), VersionStatus.APPROVED);
    loop.startDay(DATE.minusDays(1), ROWS, 0.2);
    loop.evaluate(calibrated.modelId());
    loop.startDay(DATE, ROWS, 0.2);
    loop.unlabel();
    EstimatePerformance.Output output = estimate(calibrated.modelId(), Metric.ACCURACY, null);
    assertTrue(output.contradicted(), output.reason());
    assertTrue(value(output.estimate()) < value(output.uncorrected()) - 0.1, output.reason());
    assertTrue(output.reason().contains("contradict the model's probabilities"), output.reason());
  }

  @Test
  void theEstimateOfABatchThatHasDriftedSaysThatItMayBeFarOff() {
    loop.writeReference(1_000);
    loop.startDay(DATE, false);
    assertNull(estimate(Metric.ACCURACY, null).drifted());
    detectDrift();
    assertEquals(false, estimate(Metric.ACCURACY, null).drifted());
    loop.startDay(DATE.plusDays(1), true);
    detectDrift();
    EstimatePerformance.Output output = estimate(Metric.ACCURACY, null);
    assertEquals(true, output.drifted());
    assertTrue(output.reason().contains("The batch has drifted"), output.reason());
  }

  private void detectDrift() {
    try {
      new DetectDrift()
          .run(new DetectDrift.Input(model, loop.batch(), 0.01, null, null), loop.context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void withFewLabelledRowsTheReferenceCorrectsToo() {
    loop.writeReference(300);
    loop.startDay(DATE.minusDays(1), false);
    loop.evaluate(model);
    loop.startDay(DATE, false);
    loop.unlabel();
    assertEquals(
        List.of("credit-default/2026-11-04", "credit-default/reference"),
        estimate(Metric.ACCURACY, null).correctedBy());
  }

  @Test
  void aDayThatWasEvaluatedTwiceCountsAsItWasLast() {
    loop.startDay(DATE.minusDays(1), false);
    loop.evaluate(model);
    loop.store
        .collection("performance_metrics")
        .updateOne(
            new Document("model_id", model),
            new Document("$set", new Document("timestamp", "2026-11-04T00:00:00Z")));
    loop.startDay(DATE.minusDays(1), ROWS, 0.3);
    loop.evaluate(model);
    loop.startDay(DATE, false);
    loop.unlabel();
    EstimatePerformance.Output output = estimate(Metric.ACCURACY, null);
    assertEquals(List.of("credit-default/2026-11-04"), output.correctedBy());
    assertEquals(0.65, value(output.estimate()), 0.06);
  }

  @Test
  void laterDaysAndTheDayItselfDoNotCorrect() {
    loop.startDay(DATE.plusDays(1), false);
    loop.evaluate(model);
    loop.startDay(DATE, false);
    loop.evaluate(model);
    EstimatePerformance.Output output = estimate(Metric.ACCURACY, null);
    assertEquals(List.of(), output.correctedBy());
    assertEquals(output.uncorrected(), output.estimate());
    assertFalse(output.contradicted());
    assertTrue(output.reason().contains("No labels correct this"), output.reason());
    assertNull(output.position());
  }

  @Test
  void theMetricOfTheKnownLabelsStandsBesideTheEstimate() {
    loop.startDay(DATE, false);
    double truth = value(loop.evaluate(model).metrics().get("roc_auc"));
    EstimatePerformance.Output output = estimate(Metric.ROC_AUC, 0.999);
    assertEquals(ROWS - 10, output.labelled());
    assertEquals(truth, output.known());
    assertEquals(Position.BELOW, output.position());
  }

  @Test
  void theSameEstimateIsKeptOnce() {
    EstimatePerformance.Output first = estimate(Metric.ACCURACY, null);
    assertEquals(first, estimate(Metric.ACCURACY, null));
    estimate(Metric.F1_SCORE, null);
    assertEquals(2, loop.store.collection(EstimatePerformance.COLLECTION).countDocuments());
  }

  @Test
  void theHistoryHasTheEstimateBesideTheTruthOnceLabelsCome() {
    loop.champions.install(Loop.MODEL, model);
    loop.startDay(DATE.minusDays(1), ROWS, 0);
    loop.evaluate(model);
    loop.startDay(DATE, ROWS, 0);
    loop.unlabel();
    EstimatePerformance.Output output = estimate(Metric.ACCURACY, 0.6);
    Map<String, Object> before = history().getLast();
    assertEquals("performance_estimated", before.get("event"));
    assertEquals(output.reason(), before.get("reason"));
    assertNull(before.get("truth"));
    assertTrue(sentence(before).endsWith(" without the labels, which are not known yet."));

    loop.startDay(DATE, ROWS, 0);
    double truth = value(loop.evaluate(model).metrics().get("accuracy"));
    assertEquals(truth, history().getLast().get("truth"));
    loop.check(model);
    loop.sendResults();
    Map<String, Object> after = history().getLast();
    assertEquals("evaluated_approved", after.get("event"));
    assertEquals(1, history().size());
    assertEquals(
        String.format(
            Locale.ROOT,
            "accuracy %.4f (%.4f to %.4f) without the labels, %.4f with them: inside the interval.",
            value(output.estimate()),
            value(output.low()),
            value(output.high()),
            truth),
        sentence(after));
  }

  private static String sentence(Map<String, Object> event) {
    return String.valueOf(event.get("estimate_and_truth"));
  }

  private List<Map<String, Object>> history() {
    return new History().run(new History.Input(Loop.MODEL, 0), loop.context).events();
  }

  @Test
  void aVersionWithoutAHeadIsRefused() {
    String encoder = loop.registerEncoderOnly();
    assertThrows(
        InvalidInputException.class,
        () ->
            new EstimatePerformance()
                .run(
                    new EstimatePerformance.Input(encoder, loop.batch(), Metric.ACCURACY, null),
                    loop.context));
  }

  @Test
  void aBatchOfOtherFeaturesIsRefused() {
    String other = loop.registerOther(true, VersionStatus.CANDIDATE);
    assertThrows(
        InvalidInputException.class,
        () ->
            new EstimatePerformance()
                .run(
                    new EstimatePerformance.Input(other, loop.batch(), Metric.ACCURACY, null),
                    loop.context));
  }

  private static double value(@Nullable Double value) {
    return Objects.requireNonNull(value);
  }

  private EstimatePerformance.Output estimate(Metric metric, @Nullable Double threshold) {
    return estimate(model, metric, threshold);
  }

  private EstimatePerformance.Output estimate(
      String modelId, Metric metric, @Nullable Double threshold) {
    return new EstimatePerformance()
        .run(new EstimatePerformance.Input(modelId, loop.batch(), metric, threshold), loop.context);
  }
}
