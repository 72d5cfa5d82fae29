package retune.images;

/** Images cannot be built or delivered; the message says why and what to do. */
final class CannotBuildException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CannotBuildException(String message) {
    super(message);
  }

  CannotBuildException(String message, Throwable cause) {
    super(message, cause);
  }
}
