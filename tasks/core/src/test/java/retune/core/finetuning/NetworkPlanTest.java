package retune.core.finetuning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;

class NetworkPlanTest {
  @ParameterizedTest
  @CsvSource({
    "HEAD,      head,      5,  0.0001, false, false, false",
    "HEAD_LONG, head_long, 20, 0.001,  false, true,  false",
    "FULL,      full,      5,  0.0003, true,  true,  false",
    "HEAD_NEW,  head_new,  20, 0.001,  false, true,  true"
  })
  void eachStrategyChangesSomething(
      Strategy strategy,
      String id,
      int epochs,
      double rate,
      boolean encoder,
      boolean choosesThreshold,
      boolean drawsHead) {
    NetworkPlan plan = NetworkPlan.of(strategy, 5, 1e-4);
    assertEquals(id, plan.strategy().id());
    assertEquals(Schedule.Epochs.exactly(epochs), plan.schedule());
    assertEquals(rate, plan.learningRate(), 1e-12);
    assertEquals(encoder, plan.trainsEncoder());
    assertEquals(choosesThreshold, plan.choosesThreshold());
    assertEquals(drawsHead, plan.drawsHead());
  }

  @Test
  void aNetworkFromNothingTrainsLongerAndStopsEarly() {
    NetworkPlan plan = NetworkPlan.of(Strategy.SCRATCH, 5, 1e-4);
    assertEquals(new Schedule.Epochs(20, 8), plan.schedule());
    assertTrue(plan.drawsNetwork() && plan.trainsEncoder() && plan.choosesThreshold());
    assertFalse(plan.drawsHead(), "a head alone");
    assertEquals(
        new Schedule.Rounds(50, 8, 100), NetworkPlan.of(Strategy.SCRATCH, null, 1e-4).schedule());
  }

  @Test
  void theDescriptionSaysWhatChanges() {
    assertEquals(
        "the whole network; decision threshold chosen on validation rows (5 epochs, learning rate"
            + " 3.0e-04)",
        NetworkPlan.of(Strategy.FULL, 5, 1e-4).description());
  }

  @ParameterizedTest
  @CsvSource({"HEAD, 2000", "HEAD_LONG, 2000", "HEAD_NEW, 2000", "FULL, 500"})
  void withoutEpochsTheStepsDoNotDependOnTheRows(Strategy strategy, int most) {
    Schedule schedule = NetworkPlan.of(strategy, null, 1e-4).schedule();
    int steps = schedule.stepsPerRound(9);
    assertEquals(steps, schedule.stepsPerRound(9_000));
    assertEquals(most, steps * schedule.most());
    assertEquals(9, Schedule.Epochs.exactly(5).stepsPerRound(9));
  }

  @Test
  void theDescriptionSaysHowManyRounds() {
    assertEquals(
        "the classifier head only, encoder frozen (at most 40 rounds of 50 steps, learning rate"
            + " 1.0e-04)",
        NetworkPlan.of(Strategy.HEAD, null, 1e-4).description());
  }

  @Test
  void aScheduleWithoutRoundsIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Epochs(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Rounds(1, 0, 50));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Rounds(1, 1, 0));
  }

  @ParameterizedTest
  @CsvSource({"1, HEAD", "2, HEAD_LONG", "3, FULL"})
  void anAttemptThatNamesNoStrategyHasThePublishedOne(int attempt, Strategy strategy) {
    assertEquals(strategy, Strategy.ofAttempt(attempt));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4})
  void anotherAttemptNeedsAName(int attempt) {
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> Strategy.ofAttempt(attempt));
    assertEquals(
        "Attempt %d has no strategy of its own; name one with --strategy.".formatted(attempt),
        refusal.getMessage());
  }
}
