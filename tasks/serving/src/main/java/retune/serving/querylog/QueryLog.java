package retune.serving.querylog;

/** Takes what was asked and answered. */
public interface QueryLog extends AutoCloseable {
  /** Keeps nothing. */
  QueryLog OFF = _ -> {};

  /** Takes a request; never waits and never fails. */
  void add(AnsweredRequest request);

  /** Keeps what was taken, as far as it can. */
  @Override
  default void close() {}
}
