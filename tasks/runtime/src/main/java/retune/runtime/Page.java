package retune.runtime;

/**
 * A result that people read as text: a step's output that implements this is printed as its page on
 * a terminal, and as JSON everywhere else.
 */
public interface Page {
  /** The page, in lines of at most about 100 characters. */
  String text();
}
