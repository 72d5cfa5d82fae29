package retune.core.judgement;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.statistics.Interval;

/**
 * One question that a verdict rests on.
 *
 * @param name what is asked: {@code gate}
 * @param value what was found, in the unit of the limit
 * @param limit what it was compared with
 * @param interval of the value; null where the answer needs none or the rows are too few for one
 * @param rows number of rows looked at
 * @param moreRows about how many more rows like these would decide; 0 where the answer is known, or
 *     more rows would not tell
 * @param decisive whether the verdict depends on the answer; if not, the verdict only tells it
 * @param sentence the finding as a clause; one that is not decisive stands alone, as a sentence
 *     without a full stop
 */
public record Check(
    String name,
    double value,
    double limit,
    @Nullable Interval interval,
    Answer answer,
    long rows,
    long moreRows,
    boolean decisive,
    String sentence) {
  /** Whether the gate's metric reaches its threshold. */
  public static final String GATE = "gate";

  /** Whether the candidate is below the champion on the same rows. */
  public static final String CHAMPION = "champion";

  /** How much better the candidate is, told where a person is asked. */
  public static final String GAIN = "gain";

  /** What the rows answer. */
  public enum Answer {
    PASSED,
    FAILED,
    /** The rows are too few to tell. */
    UNDECIDED,
    /** It did not pass, and a person is asked whether the candidate may be promoted even so. */
    ASKED;

    /** The name in documents: {@code passed}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The answer of that {@link #id}. */
    public static Answer ofId(String id) {
      return valueOf(id.toUpperCase(Locale.ROOT));
    }
  }

  /** A check that the verdict depends on, without an interval. */
  static Check plain(
      String name, double value, double limit, boolean passed, long rows, String sentence) {
    return new Check(
        name, value, limit, null, passed ? Answer.PASSED : Answer.FAILED, rows, 0, true, sentence);
  }

  /**
   * Says why a question has no answer, without deciding anything.
   *
   * @param sentence without a full stop
   */
  public static Check unanswered(String name, double limit, String sentence) {
    return new Check(name, 0, limit, null, Answer.UNDECIDED, 0, 0, false, sentence);
  }

  public static String fourDecimals(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  /** The same finding under another name. */
  Check named(String other) {
    return new Check(other, value, limit, interval, answer, rows, moreRows, decisive, sentence);
  }

  /** The same finding with another answer. */
  Check answered(Answer other) {
    long more = other == Answer.UNDECIDED ? moreRows : 0;
    return new Check(name, value, limit, interval, other, rows, more, decisive, sentence);
  }

  /** The same check, told without deciding anything. */
  Check advisory() {
    return new Check(name, value, limit, interval, answer, rows, moreRows, false, sentence);
  }
}
