package retune.judgement;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.runtime.StepContext;

/** How a run of the evaluation pipeline ended, as its verdicts say. */
public sealed interface RunOutcome {
  Judgement champion();

  /** The champion is good enough. */
  record Healthy(Judgement champion) implements RunOutcome {}

  /**
   * The champion falls short and an attempt at fine-tuning passed.
   *
   * @param failed the attempts before it
   */
  record Finetuned(Judgement champion, List<Judgement> failed, Judgement candidate)
      implements RunOutcome {}

  /** The champion falls short and so does every attempt, of which there is at least one. */
  record Exhausted(Judgement champion, List<Judgement> failed) implements RunOutcome {
    public Judgement last() {
      return failed.getLast();
    }

    /** What people are told. */
    public String message() {
      Verdict verdict = last().verdict();
      String metric = verdict.metric().title();
      return String.format(
          Locale.ROOT,
          "Model failed to meet %s threshold of %s after %d retraining attempts. Final %s score:"
              + " %.4f. Manual intervention required.",
          metric,
          verdict.threshold(),
          failed.size(),
          metric,
          verdict.value());
    }
  }

  /**
   * Reads this run's verdicts on a batch; an {@link InvalidInputException} where one is missing or
   * was made with another gate.
   */
  static RunOutcome of(StepContext context, String batchId, Gate gate, int maxAttempts) {
    Judgement champion =
        find(context, batchId, gate, 0)
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "The run '%s' has no verdict on '%s'; run check_model_performance first,"
                                .formatted(context.run().runId(), batchId)
                            + " by hand with the same RETUNE_RUN_ID."));
    if (champion.passed()) {
      return new Healthy(champion);
    }
    List<Judgement> failed = new ArrayList<>();
    for (int attempt = 1; attempt <= maxAttempts; attempt++) {
      Optional<Judgement> candidate = find(context, batchId, gate, attempt);
      if (candidate.isEmpty()) {
        throw new InvalidInputException(
            "The run '%s' stopped before attempt %d of %d was judged; run finetune_model and"
                    .formatted(context.run().runId(), attempt, maxAttempts)
                + " evaluate_finetuned_model for it again.");
      }
      if (candidate.get().passed()) {
        return new Finetuned(champion, List.copyOf(failed), candidate.get());
      }
      failed.add(candidate.get());
    }
    return new Exhausted(champion, List.copyOf(failed));
  }

  private static Optional<Judgement> find(
      StepContext context, String batchId, Gate gate, int attempt) {
    Optional<Judgement> judgement = Judgement.find(context, batchId, attempt);
    judgement
        .filter(found -> !found.isOf(gate))
        .ifPresent(
            found -> {
              throw new InvalidInputException(
                  "The run '%s' judged '%s' by %s with the threshold %s, not by %s with %s; give"
                          .formatted(
                              context.run().runId(),
                              found.modelId(),
                              found.verdict().metric().id(),
                              found.verdict().threshold(),
                              gate.metric().id(),
                              gate.threshold())
                      + " every step of a run the same gate.");
            });
    return judgement;
  }
}
