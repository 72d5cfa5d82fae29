package retune.runtime;

/**
 * Something the step waits for is not there yet (a store, a batch, a version): the same step may
 * succeed later.
 */
public final class NotReadyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public NotReadyException(String message) {
    super(message);
  }

  public NotReadyException(String message, Throwable cause) {
    super(message, cause);
  }
}
