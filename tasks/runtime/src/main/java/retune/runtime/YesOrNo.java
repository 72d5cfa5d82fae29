package retune.runtime;

/**
 * A result that is a yes or a no, for shell scripts: with {@code --exit-code}, a no ends the
 * process with {@link ExitCode#NO}.
 */
public interface YesOrNo {
  boolean yes();
}
