package retune.core.judgement.ledger;

import java.util.Locale;
import java.util.OptionalInt;
import retune.core.judgement.Check;
import retune.core.judgement.Check.Answer;

/**
 * The evidence over days that a challenger is better than the model in production, and that it is
 * worse. All challengers of a day share its weight, so that together they have one error rate.
 *
 * @param better evidence against the hypothesis that the champion is at least as good
 * @param worse evidence against the hypothesis that the challenger is at least as good; it promotes
 *     nothing, so it takes no part of the error rate
 * @param today the day's own that it is better
 * @param days on which both were judged, with this champion and this gate
 */
public record Superiority(EDetector better, EDetector worse, EValues today, int days) {
  /** The most challengers of a model at a time; the newest stay. */
  public static final int MOST_CHALLENGERS = 3;

  /** The most days on which a challenger gathers evidence. */
  public static final int MOST_DAYS = 90;

  /** Whether the evidence over days says that a challenger is better than the champion. */
  public static final String NAME = "superiority";

  /** What the evidence decides. */
  public enum Standing {
    /** Nothing yet: the challenger stays one. */
    OPEN,
    /** It is better than the champion, and is promoted if it passes the day's checks, too. */
    BETTER,
    /** It is worse than the champion and is dropped. */
    WORSE,
    /** It had its days without a decision and is dropped. */
    TOO_OLD;

    /** The name in documents: {@code too_old}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Before a challenger's first day beside a champion.
   *
   * @param daysOfYear the days of the year that have counted for the model
   */
  public static Superiority start(int daysOfYear) {
    EDetector nothing = new EDetector(EDetector.start().logWealth(), daysOfYear);
    return new Superiority(nothing, nothing, EValues.none(), 0);
  }

  /**
   * After one more day.
   *
   * @param isBetter the day's evidence that the challenger is better
   * @param isWorse the day's evidence that it is worse
   * @param share of the day's weight; those of all challengers sum to at most 1
   */
  public Superiority after(EValues isBetter, EValues isWorse, double share) {
    return new Superiority(
        better.after(isBetter, share), worse.after(isWorse, share), isBetter, days + 1);
  }

  public Standing standing() {
    if (better.isDecided()) {
      return Standing.BETTER;
    }
    if (worse.isDecided()) {
      return Standing.WORSE;
    }
    return days >= MOST_DAYS ? Standing.TOO_OLD : Standing.OPEN;
  }

  /**
   * As a check of the challenger's verdict.
   *
   * @param rows of the day
   */
  public Check check(long rows) {
    Answer answer = better.isDecided() ? Answer.PASSED : Answer.UNDECIDED;
    return new Check(NAME, better.eValue(), EDetector.LIMIT, null, answer, rows, 0, true, clause());
  }

  /**
   * What is known of the challenger, as a sentence that begins with its name.
   *
   * @param modelId the challenger
   * @param rows of the day
   */
  public String sentence(String modelId, long rows) {
    return switch (standing()) {
      case OPEN -> "%s stays a challenger: %s.%s".formatted(modelId, clause(), outlook(rows));
      case BETTER -> "%s is better than the champion: %s.".formatted(modelId, clause());
      case WORSE ->
          "%s is dropped: the evidence over %s that it is worse than the champion%s, %s, reaches the limit of %s."
              .formatted(modelId, over(), basis(), number(worse.eValue()), number(EDetector.LIMIT));
      case TOO_OLD ->
          "%s is dropped: a challenger has %d days to be proved better, and %s."
              .formatted(modelId, MOST_DAYS, clause());
    };
  }

  /** What the evidence is, as a clause. */
  public String clause() {
    String form =
        better.isDecided()
            ? "the evidence over %s that it is better than the champion%s, %s, reaches the limit of"
                + " %s"
            : "the evidence over %s that it is better than the champion%s is %s of the %s that"
                + " decide";
    return form.formatted(over(), basis(), number(better.eValue()), number(EDetector.LIMIT));
  }

  private String basis() {
    return today.byAccuracy()
        ? " (the last day by accuracy, because some classes have fewer than %d labels)"
            .formatted(EValues.LEAST_OF_MANY)
        : "";
  }

  private String outlook(long rows) {
    if (!today.usable()) {
      return " The day has too few rows to add to it.";
    }
    OptionalInt more = better.daysToDecide(today);
    if (more.isEmpty()) {
      return " Days like this one would not decide.";
    }
    int needed = more.getAsInt();
    return " About %d more %s like this one, %d rows, would decide."
        .formatted(needed, needed == 1 ? "day" : "days", needed * rows);
  }

  private String over() {
    return days == 1 ? "1 day" : days + " days";
  }

  private static String number(double evidence) {
    return String.format(Locale.ROOT, "%.4g", evidence);
  }
}
