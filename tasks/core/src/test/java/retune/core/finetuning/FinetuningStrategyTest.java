package retune.core.finetuning;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.finetuning.FinetuningStrategy.Kind;

class FinetuningStrategyTest {
  @ParameterizedTest
  @CsvSource({
    "1, true,  head,      5,  0.0001, false, false, false",
    "2, true,  head_long, 20, 0.001,  false, true,  false",
    "3, true,  full,      5,  0.0003, true,  true,  false",
    "1, false, head,      5,  0.0001, false, false, false",
    "2, false, head_long, 20, 0.001,  false, true,  false",
    "3, false, head_new,  20, 0.001,  false, true,  true"
  })
  void eachAttemptChangesSomething(
      int attempt,
      boolean trainable,
      String id,
      int epochs,
      double rate,
      boolean encoder,
      boolean calibrates,
      boolean drawsHead) {
    FinetuningStrategy strategy =
        FinetuningStrategy.of(Kind.ofAttempt(attempt, trainable), 5, null, 1e-4, null);
    assertEquals(id, strategy.id());
    assertEquals(epochs, strategy.epochs());
    assertEquals(rate, strategy.learningRate(), 1e-12);
    assertEquals(encoder, strategy.trainsEncoder());
    assertEquals(calibrates, strategy.calibratesThreshold());
    assertEquals(drawsHead, strategy.drawsHead());
  }

  @Test
  void theDescriptionSaysWhatChanges() {
    assertEquals(
        "the whole network; decision threshold chosen on validation rows (5 epochs, learning rate"
            + " 3.0e-04)",
        FinetuningStrategy.of(Kind.FULL, 5, null, 1e-4, null).description());
  }

  @Test
  void givenFactorsReplaceTheKindsOwn() {
    FinetuningStrategy strategy = FinetuningStrategy.of(Kind.HEAD_LONG, 5, 2, 1e-4, 1.0);
    assertEquals(10, strategy.epochs());
    assertEquals(1e-4, strategy.learningRate(), 1e-12);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4})
  void thereIsNoOtherAttempt(int attempt) {
    assertThrows(InvalidInputException.class, () -> Kind.ofAttempt(attempt, true));
  }
}
