package retune.model.importing;

/**
 * Why a file cannot be imported. The message is the predicate of a sentence; {@link ModelImport}
 * puts the file's name in front.
 */
final class RefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RefusedException(String predicate) {
    super(predicate);
  }

  RefusedException(String predicate, Throwable cause) {
    super(predicate, cause);
  }
}
