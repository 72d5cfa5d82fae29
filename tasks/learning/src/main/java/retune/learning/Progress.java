package retune.learning;

/** Is told how far training is. */
@FunctionalInterface
interface Progress {
  void report(String what, long done, long total);
}
