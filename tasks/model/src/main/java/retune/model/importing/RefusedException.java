package retune.model.importing;

/**
 * Why a file cannot be imported: the rest of a sentence that begins with the file's name. {@link
 * ModelImport} adds the name.
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
