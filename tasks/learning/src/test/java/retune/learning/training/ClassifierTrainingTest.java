package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.finetuning.Schedule;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.learning.Examples;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.learning.torch.Torch;
import retune.learning.torch.TorchEngine;
import retune.learning.torch.TorchModule;
import retune.learning.torch.TorchModule.Method;
import retune.learning.training.ClassifierTraining.Outcome;
import retune.model.ModelVersion.Epoch;
import retune.model.Weights;

class ClassifierTrainingTest {
  private static final Weights INITIAL =
      InitialWeights.of(Examples.SMALL, Examples.schema(2, 3), 2, new SplittableRandom(1));
  private static final LabelledRows TRAINING = Examples.labelled(600, 1);
  private static final LabelledRows VALIDATION = Examples.labelled(300, 2);

  private static ClassifierTraining training(@Nullable Double threshold, int epochs, long seed) {
    return new ClassifierTraining(
        Examples.TARGET,
        threshold,
        Metric.F1_SCORE,
        true,
        Schedule.Epochs.exactly(epochs),
        3e-3,
        32,
        seed);
  }

  private static Outcome train(
      ClassifierTraining training, LabelledRows rows, LabelledRows validation, List<String> log) {
    try (TorchModule module = new TorchModule(Examples.SMALL, Examples.schema(2, 3), INITIAL)) {
      return training.run(module, rows, validation, (what, done, total) -> {}, log::add);
    }
  }

  private static Outcome trainWhole(ClassifierTraining training) {
    return train(training, TRAINING, VALIDATION, new ArrayList<>());
  }

  private static LabelledRows encoded(LabelledRows rows) {
    try (TorchModule module = new TorchModule(Examples.SMALL, Examples.schema(2, 3), INITIAL)) {
      float[] encoded = TorchEngine.run(module, Method.ENCODE, rows.input());
      return new LabelledRows(new EncodedRows(encoded, 8), rows.labels());
    }
  }

  @Test
  void theWholeNetworkLearnsWhatTheFeaturesSay() {
    List<String> log = new ArrayList<>();
    Outcome outcome = train(training(0.5, 8, 1), TRAINING, VALIDATION, log);
    assertTrue(outcome.validation().rocAuc() > 0.95, outcome.validation().toString());
    assertEquals(1, outcome.trainedShare());
    assertEquals(8, log.size());
    assertTrue(log.getFirst().startsWith("[Finetune] Epoch  1 | Loss: "), log.getFirst());
  }

  @Test
  void aHeadIsTrainedOnEncodedRowsAndTheEncoderStaysBitForBit() {
    Outcome outcome =
        train(training(0.5, 8, 1), encoded(TRAINING), encoded(VALIDATION), new ArrayList<>());
    assertEquals(INITIAL.encoderHash(), outcome.weights().encoderHash());
    assertNotEquals(INITIAL.hash(), outcome.weights().hash());
    List<Epoch> history = outcome.history();
    assertTrue(history.getLast().loss() < history.getFirst().loss(), history.toString());
    assertTrue(outcome.trainedShare() < 0.2, "share " + outcome.trainedShare());
  }

  @Test
  void theSameSeedGivesTheSameWeightsAndAnotherSeedOthers() {
    String hash = trainWhole(training(0.5, 2, 7)).weights().hash();
    assertEquals(hash, trainWhole(training(0.5, 2, 7)).weights().hash());
    assertNotEquals(hash, trainWhole(training(0.5, 2, 8)).weights().hash());
  }

  @Test
  void theBestEpochIsKeptAndReported() {
    Outcome outcome = trainWhole(training(0.5, 6, 3));
    double best =
        outcome.history().stream()
            .mapToDouble(epoch -> epoch.validation().getOrDefault("f1_score", 0.0))
            .max()
            .orElseThrow();
    assertEquals(best, outcome.validation().f1Score());
    Epoch kept = outcome.history().get(outcome.bestEpoch() - 1);
    assertEquals(kept.validation(), outcome.validation().toMap());
    try (TorchModule module =
        new TorchModule(Examples.SMALL, Examples.schema(2, 3), outcome.weights())) {
      Predictions answers = VALIDATION.predictions(module, Examples.TARGET, 0.5);
      assertEquals(outcome.validation().toMap(), Evaluation.of(answers).toMap());
    }
  }

  @Test
  void trainingStopsOnceItsPatienceIsUsedUp() {
    List<String> log = new ArrayList<>();
    ClassifierTraining patient =
        new ClassifierTraining(
            Examples.TARGET, 0.5, Metric.F1_SCORE, true, new Schedule.Epochs(60, 2), 3e-3, 32, 3);
    Outcome outcome = train(patient, TRAINING, VALIDATION, log);
    int epochs = outcome.history().size();
    assertTrue(epochs < 60, epochs + " epochs");
    assertEquals(outcome.bestEpoch() + 2, epochs);
    assertEquals(
        "[Finetune] Stopped after epoch %d: f1_score has not improved since epoch %d."
            .formatted(epochs, outcome.bestEpoch()),
        log.getLast());

    Outcome asManyAsNeeded = trainWhole(training(0.5, outcome.bestEpoch(), 3));
    assertEquals(asManyAsNeeded.weights().hash(), outcome.weights().hash());
  }

  @Test
  void aThresholdChosenOnValidationRowsIsNoWorseThere() {
    Outcome fixed = trainWhole(training(0.9, 2, 3));
    Outcome chosen = trainWhole(training(null, 2, 3));
    assertTrue(chosen.validation().f1Score() >= fixed.validation().f1Score());
    assertNotEquals(0.9, chosen.decisionThreshold());
  }

  @Test
  void trainingThatDivergesIsRefusedWithItsLearningRate() {
    ClassifierTraining wild =
        new ClassifierTraining(
            Examples.TARGET, 0.5, Metric.F1_SCORE, true, Schedule.Epochs.exactly(2), 1e30, 32, 1);
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> trainWhole(wild));
    assertEquals(
        "The loss became NaN in epoch 1 with a learning rate of 1.0E30; choose a smaller one.",
        refusal.getMessage());
  }

  @Test
  void dropoutIsActiveInTrainingFromTheFirstCallAndNeverElsewhere() {
    try (TorchModule module = new TorchModule(Examples.SMALL, Examples.schema(2, 3), INITIAL);
        NDManager manager = Torch.newManager()) {
      float[] inTraining =
          module.call(Method.FORWARD, VALIDATION.input().arrays(manager), true).toFloatArray();
      float[] elsewhere =
          module.call(Method.FORWARD, VALIDATION.input().arrays(manager), false).toFloatArray();
      assertNotEquals(inTraining[0], elsewhere[0]);
      assertArrayEquals(
          elsewhere,
          module.call(Method.FORWARD, VALIDATION.input().arrays(manager), false).toFloatArray());
    }
  }
}
