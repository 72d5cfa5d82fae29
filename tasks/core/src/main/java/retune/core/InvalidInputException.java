package retune.core;

/**
 * The caller's data or choice cannot be used, and trying again will not help. The message is one
 * sentence for a person: what is wrong, where, and what to do.
 */
public final class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidInputException(String message) {
    super(message);
  }

  public InvalidInputException(String message, Throwable cause) {
    super(message, cause);
  }
}
