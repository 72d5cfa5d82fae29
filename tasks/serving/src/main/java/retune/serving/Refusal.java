package retune.serving;

/** A request that is not answered as asked, and the HTTP status that says so. */
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Longer ones are cut: they quote what the caller has sent. */
  private static final int MOST_CHARACTERS = 400;

  private final int status;
  private final String sentence;

  /**
   * A refusal.
   *
   * @param sentence one sentence for the caller: what is wrong, where, and what to do
   */
  Refusal(int status, String sentence) {
    super(sentence, null, false, false);
    this.status = status;
    this.sentence =
        sentence.length() <= MOST_CHARACTERS
            ? sentence
            : sentence.substring(0, MOST_CHARACTERS) + " …";
  }

  int status() {
    return status;
  }

  String sentence() {
    return sentence;
  }
}
