package retune.judgement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.model.batch.TrainedAttempt;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The attempt that a run chose on the validation rows, {@link Selection#BEST_ON_VALIDATION}. The
 * collection {@code chosen_attempts} keeps one document per run and key, written after the verdict
 * on the chosen version.
 *
 * @param tried the attempts that were made, in order
 * @param chosen the one with the greatest value on the validation rows, the first of equals
 */
public record ChosenAttempt(List<TrainedAttempt> tried, TrainedAttempt chosen) {
  private static final RunDocuments DOCUMENTS = new RunDocuments("chosen_attempts");

  /**
   * Chooses among the attempts that this run has made. Attempts end with the first whose lower
   * bound reaches the gate's threshold; an {@link InvalidInputException} where more should follow.
   */
  public static ChosenAttempt of(StepContext context, ProcessedBatch batch, Rules rules) {
    List<TrainedAttempt> tried = new ArrayList<>();
    boolean reached = false;
    for (TrainedAttempt attempt : TrainedAttempt.ofRun(context, batch, rules.gate().metric())) {
      if (reached || attempt.number() > rules.maxAttempts()) {
        break;
      }
      tried.add(attempt);
      reached = attempt.lowerBound() >= rules.gate().threshold();
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
    return new ChosenAttempt(
        List.copyOf(tried),
        tried.stream()
            .sorted(Comparator.comparingDouble(TrainedAttempt::value).reversed())
            .findFirst()
            .orElseThrow());
  }

  /** Why this attempt was chosen, as a sentence. */
  public String reason() {
    return String.format(
        Locale.ROOT,
        "Attempt %d of %d is chosen: its %s on the validation rows, %.4f (at least %.4f), is the"
            + " best.",
        chosen.number(),
        tried.size(),
        chosen.metric().id(),
        chosen.value(),
        chosen.lowerBound());
  }

  public void keep(StepContext context, ProcessedBatch batch, DayKey key) {
    DOCUMENTS.keep(
        context,
        batch,
        key,
        new Document("attempts", tried.stream().map(TrainedAttempt::toDocument).toList())
            .append("chosen", chosen.number())
            .append("reason", reason()));
  }

  /** What this run has chosen for the key; empty where it has not. */
  static Optional<ChosenAttempt> find(StepContext context, String batchId, DayKey key) {
    return DOCUMENTS
        .find(context, batchId, key)
        .map(
            document -> {
              List<TrainedAttempt> tried =
                  document.getList("attempts", Document.class).stream()
                      .map(TrainedAttempt::of)
                      .toList();
              int number = document.getInteger("chosen");
              return new ChosenAttempt(
                  tried,
                  tried.stream()
                      .filter(attempt -> attempt.number() == number)
                      .findFirst()
                      .orElseThrow());
            });
  }
}
