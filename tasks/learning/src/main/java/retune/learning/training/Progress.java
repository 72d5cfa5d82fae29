package retune.learning.training;

/** Receives the progress of training. */
@FunctionalInterface
public interface Progress {
  void report(String what, long done, long total);
}
