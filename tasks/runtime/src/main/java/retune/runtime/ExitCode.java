package retune.runtime;

/** How a step ended. The numbers are API. */
public enum ExitCode {
  DONE(0, "done"),
  NO(10, "done, and the answer is no; only with --exit-code"),
  UNEXPECTED(1, "unexpected error; a retry may help"),
  NOT_READY(20, "not ready; try again later"),
  INVALID(50, "invalid input or state; do not retry"),
  STOPPED(143, "stopped by SIGTERM; no write is half-done");

  private final int number;
  private final String meaning;

  ExitCode(int number, String meaning) {
    this.number = number;
    this.meaning = meaning;
  }

  public int number() {
    return number;
  }

  public String meaning() {
    return meaning;
  }

  public boolean isRetryable() {
    return this != DONE && this != NO && this != INVALID;
  }
}
