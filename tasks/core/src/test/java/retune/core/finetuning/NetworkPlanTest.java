package retune.core.finetuning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

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
    assertEquals(epochs, plan.epochs());
    assertEquals(rate, plan.learningRate(), 1e-12);
    assertEquals(encoder, plan.trainsEncoder());
    assertEquals(choosesThreshold, plan.choosesThreshold());
    assertEquals(drawsHead, plan.drawsHead());
  }

  @Test
  void theDescriptionSaysWhatChanges() {
    assertEquals(
        "the whole network; decision threshold chosen on validation rows (5 epochs, learning rate"
            + " 3.0e-04)",
        NetworkPlan.of(Strategy.FULL, 5, 1e-4).description());
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
