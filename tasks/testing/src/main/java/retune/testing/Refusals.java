package retune.testing;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.function.Executable;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;

/** Assertions about calls that a step refuses. */
public final class Refusals {
  private Refusals() {}

  /**
   * Asserts that the call throws an {@link InvalidInputException} whose message contains the text.
   */
  public static void assertRefused(String expected, Executable call) {
    assertSays(expected, assertThrows(InvalidInputException.class, call));
  }

  /** Asserts that the call throws a {@link NotReadyException} whose message contains the text. */
  public static void assertNotReady(String expected, Executable call) {
    assertSays(expected, assertThrows(NotReadyException.class, call));
  }

  private static void assertSays(String expected, Exception refusal) {
    String message = String.valueOf(refusal.getMessage());
    assertTrue(message.contains(expected), message);
  }
}
