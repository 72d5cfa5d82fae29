package retune.steps;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.function.Executable;
import retune.core.InvalidInputException;

/** What a refusal must say. */
public final class Refusals {
  private Refusals() {}

  /** Asserts that the call is refused with a sentence that contains the text. */
  public static void assertRefused(String expected, Executable call) {
    String message = String.valueOf(assertThrows(InvalidInputException.class, call).getMessage());
    assertTrue(message.contains(expected), message);
  }
}
