package retune.judgement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.model.batch.Attempt;
import retune.model.batch.Attempt.WithCandidate;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The attempt that a run chose on the validation rows, {@link Selection#BEST_ON_VALIDATION}. The
 * collection {@code chosen_attempts} keeps one document per run and key, written after the verdict
 * on the chosen version.
 *
 * @param tried the attempts that were made, in order
 * @param chosen the one with the greatest value on the validation rows; where none surely reaches
 *     the gate, the first that is within a standard error of it (the one-standard-error rule of
 *     Breiman et al., Classification and Regression Trees, 1984, section 3.4.3), because the
 *     greatest of several noisy values favours what fits the validation rows; empty if none made a
 *     version
 */
public record ChosenAttempt(List<Attempt> tried, Optional<WithCandidate> chosen) {
  private static final RunDocuments DOCUMENTS = new RunDocuments("chosen_attempts");

  /**
   * Chooses among the attempts that this run has made. Attempts end with the first whose lower
   * bound reaches the gate's threshold; an {@link InvalidInputException} where more should follow.
   */
  public static ChosenAttempt of(StepContext context, ProcessedBatch batch, Rules rules) {
    List<Attempt> tried = new ArrayList<>();
    boolean reached = false;
    for (Attempt attempt : Attempt.ofRun(context, batch, rules.gate().metric())) {
      if (reached || attempt.number() > rules.maxAttempts()) {
        break;
      }
      tried.add(attempt);
      reached =
          attempt instanceof WithCandidate made && made.lowerBound() >= rules.gate().threshold();
    }
    if (!reached && tried.size() < rules.maxAttempts()) {
      throw new InvalidInputException(
          "The run '%s' made %d of %d attempts on '%s' by %s, and none surely reaches %s; run"
                  .formatted(
                      context.run().runId(),
                      tried.size(),
                      rules.maxAttempts(),
                      batch.batchId(),
                      rules.gate().metric().id(),
                      rules.gate().threshold())
              + " finetune_model for the next attempt with the gate's metric.");
    }
    return new ChosenAttempt(List.copyOf(tried), choice(tried, reached));
  }

  private static Optional<WithCandidate> choice(List<Attempt> tried, boolean reached) {
    Optional<WithCandidate> best = best(tried);
    return reached
        ? best
        : best.flatMap(
            greatest ->
                candidates(tried)
                    .filter(made -> made.value() >= greatest.value() - greatest.standardError())
                    .findFirst());
  }

  private static Optional<WithCandidate> best(List<Attempt> tried) {
    return candidates(tried)
        .sorted(Comparator.comparingDouble(WithCandidate::value).reversed())
        .findFirst();
  }

  private static Stream<WithCandidate> candidates(List<Attempt> tried) {
    return tried.stream().filter(WithCandidate.class::isInstance).map(WithCandidate.class::cast);
  }

  /** Why this attempt was chosen, or none, in sentences. */
  public String reason() {
    String choice =
        chosen
            .map(
                attempt ->
                    String.format(
                        Locale.ROOT,
                        "Attempt %d of %d is chosen: its %s on the validation rows, %.4f (at least"
                            + " %.4f), is %s.",
                        attempt.number(),
                        tried.size(),
                        attempt.metric().id(),
                        attempt.value(),
                        attempt.lowerBound(),
                        place(attempt)))
            .orElse("");
    return (choice + " " + Attempts.withoutCandidate(tried)).strip();
  }

  private String place(WithCandidate attempt) {
    WithCandidate best = best(tried).orElseThrow();
    return best.equals(attempt)
        ? "the best"
        : String.format(
            Locale.ROOT,
            "within a standard error of the best, the %.4f of attempt %d, which comes later in the"
                + " list",
            best.value(),
            best.number());
  }

  public void keep(StepContext context, ProcessedBatch batch, DayKey key) {
    DOCUMENTS.keep(
        context,
        batch,
        key,
        new Document("attempts", tried.stream().map(Attempt::toDocument).toList())
            .append("chosen", chosen.map(WithCandidate::number).orElse(null))
            .append("reason", reason()));
  }

  /** What this run has chosen for the key; empty where it has not. */
  static Optional<ChosenAttempt> find(StepContext context, String batchId, DayKey key) {
    return DOCUMENTS
        .find(context, batchId, key)
        .map(
            document -> {
              List<Attempt> tried =
                  document.getList("attempts", Document.class).stream().map(Attempt::of).toList();
              Optional<Integer> number = Optional.ofNullable(document.getInteger("chosen"));
              return new ChosenAttempt(
                  tried,
                  number.map(
                      chosen ->
                          tried.stream()
                              .filter(attempt -> attempt.number() == chosen)
                              .map(WithCandidate.class::cast)
                              .findFirst()
                              .orElseThrow()));
            });
  }
}
