package retune.model;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import retune.core.InvalidInputException;

/**
 * Whether the code in a version may run. A TorchScript archive is a program: it runs with all
 * rights of the process that opens it, and can read and write files. Other networks are data.
 *
 * <p>Trust is asked for where a version enters: at import, at registration and wherever a step
 * takes a version from a file. Versions in the document store have passed one of those.
 */
public enum CodeTrust {
  /** The user has not given {@code --trust-code}. */
  REFUSED,
  /** The user trusts the source. */
  GRANTED,
  /** The caller copies or compares the archive and does not open it. */
  NOT_RUN;

  private static final Logger LOGGER = System.getLogger(CodeTrust.class.getName());

  /** What the user said with {@code --trust-code}. */
  public static CodeTrust of(boolean trustCode) {
    return trustCode ? GRANTED : REFUSED;
  }

  /**
   * Checks that code may run, and logs that it will.
   *
   * @param source where the TorchScript comes from, for the message
   * @throws InvalidInputException if the user has not said so
   */
  public void check(String source) {
    switch (this) {
      case REFUSED ->
          throw new InvalidInputException(
              source
                  + " contains TorchScript, which is code and can read and write files when it"
                  + " runs. If you trust its source, repeat the command with --trust-code.");
      case GRANTED ->
          LOGGER.log(
              Level.WARNING,
              "{0} contains TorchScript, which is code; it runs with all rights of this process"
                  + " because of --trust-code.",
              source);
      case NOT_RUN -> {}
    }
  }
}
