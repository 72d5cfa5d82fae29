package retune.learning.training;

/** Is told how far training is. */
@FunctionalInterface
public interface Progress {
  void report(String what, long done, long total);
}
