package retune.runtime;

/** What a step's end means to whoever started it. These numbers are API. */
public enum ExitCode {
  DONE(0, "done"),
  UNEXPECTED(1, "unexpected, worth another try"),
  NOT_READY(20, "not ready, try later"),
  INVALID(50, "the input or the state it found cannot be used, do not retry"),
  STOPPED(143, "stopped by SIGTERM with nothing half-done");

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
    return this != DONE && this != INVALID;
  }
}
