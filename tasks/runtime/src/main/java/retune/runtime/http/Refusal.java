package retune.runtime.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Instant;

/** Rejects a request with an HTTP status and a sentence for the caller. */
public final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Longer sentences are cut; they quote what the caller sent. */
  private static final int MOST_CHARACTERS = 400;

  private final int status;
  private final String sentence;
  private final int retryAfter;

  /**
   * A refusal.
   *
   * @param status the HTTP status, 400 to 599
   * @param sentence what is wrong, where, and what to do
   */
  public Refusal(int status, String sentence) {
    this(status, sentence, 0);
  }

  private Refusal(int status, String sentence, int retryAfter) {
    super(sentence, null, false, false);
    this.status = status;
    this.retryAfter = retryAfter;
    this.sentence =
        wellFormed(
            sentence.length() <= MOST_CHARACTERS
                ? sentence
                : sentence.substring(0, MOST_CHARACTERS) + " …");
  }

  /**
   * Refuses one request too many, with 429.
   *
   * @param what there was too much of, as the beginning of a sentence
   * @param seconds until the caller may try again
   */
  public static Refusal tooMany(String what, int seconds) {
    return new Refusal(429, "%s; try again in %d s.".formatted(what, seconds), seconds);
  }

  /** The text with a question mark for each lone surrogate, which UTF-8 cannot express. */
  public static String wellFormed(String text) {
    return new String(text.getBytes(UTF_8), UTF_8);
  }

  public int status() {
    return status;
  }

  public String sentence() {
    return sentence;
  }

  /** The answer that says so. */
  Answer answer(Instant now) {
    Answer answer = Answer.problem(status, sentence, now);
    return retryAfter == 0 ? answer : answer.with("Retry-After", Integer.toString(retryAfter));
  }
}
