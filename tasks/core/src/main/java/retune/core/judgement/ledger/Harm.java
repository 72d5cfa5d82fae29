package retune.core.judgement.ledger;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import retune.core.judgement.Check;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.core.judgement.Verdict.Kind;

/**
 * The evidence that the model in production is below the gate.
 *
 * @param detector the evidence so far, the day's included where it counts
 * @param today the day's own, with that of the days that it is counted together with
 * @param together the days that {@code today} is of; more than 1 where those before had too few
 *     labels to count alone
 * @param days that have counted since this model entered production or the gate changed
 */
public record Harm(EDetector detector, EValues today, int together, int days) {
  /** Whether the evidence over days says that the model in production is below the gate. */
  public static final String NAME = "harm";

  /**
   * Judges the model in production: it needs retraining if the day's value is below the gate and
   * the evidence over days decides that this is no chance.
   *
   * @param metrics the model's of the day, by name
   * @param rows number of rows that it was measured on
   */
  public Verdict judge(Gate gate, Map<String, Double> metrics, long rows) {
    Verdict point = gate.judge(metrics, rows);
    boolean decided = detector.isDecided();
    Answer answer = point.passed() ? Answer.PASSED : decided ? Answer.FAILED : Answer.UNDECIDED;
    long more = point.passed() || decided ? 0 : rows * daysToDecide().orElse(0);
    Check harm =
        new Check(
            NAME, detector.eValue(), EDetector.LIMIT, null, answer, rows, more, true, sentence());
    Check value = point.checks().getFirst();
    if (point.passed()) {
      return verdict(Kind.APPROVED, point, List.of(value, harm), point.reason());
    }
    return verdict(
        decided ? Kind.NEEDS_RETRAINING : Kind.UNDECIDED,
        point,
        List.of(told(value), harm),
        "%s%s %s.%s"
            .formatted(
                value.sentence(),
                decided ? ", and" : ", but",
                sentence(),
                decided ? "" : outlook(gate, rows)));
  }

  private static Verdict verdict(Kind kind, Verdict point, List<Check> checks, String reason) {
    return new Verdict(kind, point.metric(), point.value(), point.threshold(), checks, reason);
  }

  /** The check of the day's value, which decides nothing where the evidence does. */
  private static Check told(Check value) {
    return new Check(
        value.name(),
        value.value(),
        value.limit(),
        value.interval(),
        value.answer(),
        value.rows(),
        value.moreRows(),
        false,
        value.sentence());
  }

  /** The evidence beside the limit, without a full stop. */
  public String sentence() {
    String evidence = String.format(Locale.ROOT, "%.4g", detector.eValue());
    String over = days == 1 ? "1 day" : days + " days";
    return detector.isDecided()
        ? String.format(
            Locale.ROOT,
            "the evidence of harm over %s, %s, reaches the limit of %.0f",
            over,
            evidence,
            EDetector.LIMIT)
        : String.format(
            Locale.ROOT,
            "the evidence of harm over %s is %s of the %.0f that decide",
            over,
            evidence,
            EDetector.LIMIT);
  }

  private String outlook(Gate gate, long rows) {
    if (!today.usable()) {
      return gate.metric().dependsOnAnswers()
          ? " The day has too few labels to add to it alone; they are counted together with those"
              + " of the next days."
          : " The day has too few rows to add to it.";
    }
    OptionalInt more = daysToDecide();
    if (more.isEmpty()) {
      return " Days like this one would not decide.";
    }
    int needed = more.getAsInt();
    return " About %d more %s like this one, %d rows, would decide."
        .formatted(needed, needed == 1 ? "day" : "days", needed * rows);
  }

  /** About how many more days like this one would decide. */
  private OptionalInt daysToDecide() {
    OptionalInt times = detector.daysToDecide(today);
    return times.isEmpty() ? times : OptionalInt.of(together * times.getAsInt());
  }
}
