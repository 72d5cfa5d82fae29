package retune.core.judgement;

import java.util.ArrayList;
import java.util.List;
import retune.core.judgement.Check.Answer;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * What no candidate may be, whatever the loop's policy is: a model that answers one class only, one
 * that is no better than answers that do not look at the row, or one whose probabilities order the
 * rows no better than chance. Probabilities that are not numbers are refused by {@link
 * Predictions}.
 */
final class Guards {
  private static final double CHANCE = 0.5;

  private Guards() {}

  /** The guards' checks of the comparison's candidate. */
  static List<Check> of(Comparison comparison) {
    Predictions candidate = comparison.candidate();
    Guessing guessing = Guessing.of(candidate);
    List<Check> checks = new ArrayList<>();
    int answered = guessing.answeredClasses();
    checks.add(
        Check.plain(
            "answered_classes",
            answered,
            2,
            answered > 1,
            candidate.rows(),
            answered > 1 ? "answers with " + answered + " classes" : "answers every row alike"));
    Metric metric = ofGuessing(comparison, guessing);
    checks.add(
        better(
            comparison,
            "constant_answer",
            metric,
            guessing.constant(metric),
            "the best answer that is the same for every row"));
    checks.add(
        better(
            comparison,
            "shuffled_answers",
            metric,
            guessing.shuffled(metric),
            "its own answers in random order"));
    if (guessing.labelledClasses() == candidate.classes()) {
      checks.add(
          better(comparison, "chance", Metric.ROC_AUC, CHANCE, "rows that are ordered by chance"));
    }
    return checks;
  }

  /**
   * The gate's metric, or the accuracy where it says nothing of answers or most classes are too
   * small for it.
   */
  private static Metric ofGuessing(Comparison comparison, Guessing guessing) {
    Metric metric = comparison.gate().metric();
    boolean fewRows = comparison.candidate().classes() > 2 && guessing.rarest() < Bound.LEAST_ROWS;
    return metric == Metric.ROC_AUC || fewRows ? Metric.ACCURACY : metric;
  }

  /** Fails where the value is not above the guess, and is undecided where only the bound is not. */
  private static Check better(
      Comparison comparison, String name, Metric metric, double guess, String what) {
    Predictions candidate = comparison.candidate();
    Bound bound = Bound.of(comparison, metric, candidate, guess);
    boolean above = bound.value() > guess;
    Check check =
        bound.check(
            name,
            candidate.rows(),
            "its %s of %s%s %s the %s of %s"
                .formatted(
                    metric.id(),
                    Check.fourDecimals(bound.value()),
                    bound.words(),
                    above ? "is above" : "is not above",
                    Check.fourDecimals(guess),
                    what));
    return above ? check : check.answered(Answer.FAILED);
  }
}
