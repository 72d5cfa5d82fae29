package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class KeyNumbersTest {
  private final KeyNumbers numbers = new KeyNumbers();

  @Test
  void keysAreNumberedInTheOrderOfTheirArrivalAndFoundAgain() {
    for (int key = 0; key < 5_000; key++) {
      assertEquals(key, numbers.add("request-" + key));
    }
    assertEquals(5_000, numbers.size());
    for (int key = 0; key < 5_000; key++) {
      assertEquals(key, numbers.find("request-" + key));
    }
    assertEquals(KeyNumbers.NONE, numbers.find("request-5000"));
  }

  @Test
  void aKeyThatIsThereGetsNoOtherNumber() {
    assertEquals(0, numbers.add("a"));
    assertEquals(KeyNumbers.NONE, numbers.add("a"));
    assertEquals(1, numbers.add("b"));
    assertEquals(2, numbers.size());
    assertEquals(0, numbers.find("a"));
  }
}
