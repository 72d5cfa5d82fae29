package retune.judgement;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.Check;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.model.batch.Attempt;
import retune.model.batch.Attempt.WithCandidate;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The verdicts on what an attempt made. Where day and ordinary rows pull in opposite directions, it
 * made two versions: the first is the better one on the day, the other one was trained on ordinary
 * rows, too. The second is judged where the first does not pass, unless the loop promotes whatever
 * is lost on ordinary rows.
 *
 * @param first the verdict on the attempt's version
 * @param second the verdict on its alternative; null where it was not judged
 * @param alternative the alternative, whether it was judged or not; null where there is none
 */
public record JudgedAttempt(
    Judgement first, @Nullable Judgement second, @Nullable String alternative) {
  /** Judges a version of an attempt. */
  public interface Judging {
    /**
     * The verdict, which is kept.
     *
     * @param alpha the level of this verdict
     */
    Judgement judge(String modelId, double alpha, boolean isAlternative);
  }

  /**
   * Judges a version that was trained in an attempt, and the attempt's alternative if need be.
   *
   * @param number the attempt's
   */
  public static JudgedAttempt judge(
      StepContext context,
      ProcessedBatch batch,
      Rules rules,
      int number,
      String modelId,
      Judging judging) {
    String alternative = alternative(context, batch, rules, number, modelId);
    double alpha = rules.alphaOfAttempt(alternative != null);
    Judgement first = judging.judge(modelId, alpha, false);
    Judgement second =
        alternative == null || first.passed() || !rules.judgesAlternatives()
            ? null
            : judging.judge(alternative, alpha, true);
    return new JudgedAttempt(first, second, alternative);
  }

  /**
   * The verdicts that this run has made on an attempt; empty if it has made none.
   *
   * @throws InvalidInputException if the run stopped before it judged the alternative
   */
  static Optional<JudgedAttempt> find(
      StepContext context, ProcessedBatch batch, DayKey key, int number) {
    Rules rules = key.rules();
    return Judgement.ofAttempt(context, batch.batchId(), key, number, false)
        .map(
            first -> {
              String alternative = alternative(context, batch, rules, number, first.modelId());
              Judgement second =
                  alternative == null || first.passed() || !rules.judgesAlternatives()
                      ? null
                      : Judgement.ofAttempt(context, batch.batchId(), key, number, true)
                          .orElseThrow(() -> stopped(context, rules, number));
              return new JudgedAttempt(first, second, alternative);
            });
  }

  /** The second version of the attempt that made this one; null if there is none. */
  private static @Nullable String alternative(
      StepContext context, ProcessedBatch batch, Rules rules, int number, String modelId) {
    return Attempt.ofRun(context, batch, rules.gate().metric()).stream()
        .filter(attempt -> attempt.number() == number)
        .filter(WithCandidate.class::isInstance)
        .map(WithCandidate.class::cast)
        .filter(attempt -> attempt.modelId().equals(modelId))
        .findFirst()
        .map(WithCandidate::alternative)
        .orElse(null);
  }

  private static InvalidInputException stopped(StepContext context, Rules rules, int number) {
    return new InvalidInputException(
        "The run '%s' stopped before the second version of attempt %d was judged; run %s for it again."
            .formatted(
                context.run().runId(),
                number,
                rules.selection() == Selection.FIRST_PASSING
                    ? "evaluate_finetuned_model"
                    : "judge_candidate"));
  }

  /** All verdicts, in the order in which they were made. */
  List<Judgement> all() {
    return second == null ? List.of(first) : List.of(first, second);
  }

  /** The verdicts on versions that did not pass, in the order in which they were made. */
  List<Judgement> failed() {
    return all().stream().filter(judgement -> !judgement.passed()).toList();
  }

  /** The version that passed, or else the first that a person is asked about, or else the first. */
  public Judgement decisive() {
    if (second == null || second.passed()) {
      return second == null ? first : second;
    }
    return Stream.of(first, second).filter(Judgement::asked).findFirst().orElse(first);
  }

  /**
   * Both versions with what speaks against or for them, in sentences; empty where one was judged.
   */
  public String sentence() {
    if (second == null) {
      return alternative == null || first.key().rules().judgesAlternatives()
          ? ""
          : "Attempt %d also made %s, trained on ordinary rows, too; gate.on_conflict is promote, so only the better version on the day is judged."
              .formatted(first.attempt(), alternative);
    }
    String both =
        "Attempt %d made two versions, because its day and ordinary rows pull in opposite directions."
            .formatted(first.attempt());
    String beside = "%s, trained on ordinary rows, too, is %s";
    return second.passed()
        ? String.join(
            " ",
            both,
            "%s, trained on the day alone, is not promoted: %s"
                .formatted(first.modelId(), first.verdict().reason()),
            beside.formatted(second.modelId(), "judged instead" + ordinary(second)))
        : String.join(
            " ",
            both,
            beside.formatted(
                second.modelId(), "not promoted either: " + second.verdict().reason()));
  }

  /** What a version that passed keeps and loses on ordinary rows. */
  private static String ordinary(Judgement passed) {
    String checks =
        passed.verdict().checks().stream()
            .filter(check -> OrdinaryRows.isOnOrdinaryRows(check.name()) && check.rows() > 0)
            .map(Check::sentence)
            .collect(Collectors.joining("; "));
    return (checks.isEmpty() ? "" : ": " + checks) + ".";
  }
}
