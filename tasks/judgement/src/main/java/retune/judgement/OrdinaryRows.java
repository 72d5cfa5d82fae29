package retune.judgement;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.Set;
import retune.core.InvalidInputException;
import retune.core.judgement.Check;
import retune.core.judgement.Comparison;
import retune.core.judgement.Rules;
import retune.model.batch.Batch;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.RawBatches;

/**
 * The rows by which a loop sees what a candidate loses elsewhere: those of the last day before the
 * judged one on which production passed, without any that the lineage of either side was trained
 * on.
 */
final class OrdinaryRows {
  private static final Logger LOGGER = System.getLogger(OrdinaryRows.class.getName());

  private OrdinaryRows() {}

  /** Two versions on these rows, and what the loop's retention says of them. */
  record Compared(Check check, MeasuredVersion candidate, MeasuredVersion champion) {}

  /**
   * Compares the two there; empty where no such day is in the store.
   *
   * @param judged the batch that the candidate is judged on
   */
  static Optional<Compared> compare(
      StepContext context,
      Rules rules,
      ProcessedBatch judged,
      String candidateId,
      String championId) {
    Optional<ProcessedBatch> ordinary =
        DayOutcome.lastApprovedBefore(context.store(), judged.model(), judged.logicalDate())
            .map(outcome -> RawBatches.batchId(judged.model(), outcome.date()))
            .flatMap(context.store().processedBatches()::find)
            .filter(batch -> batch.preprocessingHash().equals(judged.preprocessingHash()));
    if (ordinary.isEmpty()) {
      LOGGER.log(
          Level.INFO,
          "No earlier day on which production passed is in the store, so that nothing can be said"
              + " of what '%s' loses on ordinary rows.".formatted(candidateId));
    }
    return ordinary.flatMap(batch -> compareOn(context, rules, batch, candidateId, championId));
  }

  private static Optional<Compared> compareOn(
      StepContext context,
      Rules rules,
      ProcessedBatch ordinary,
      String candidateId,
      String championId) {
    Batch batch = Batch.load(context, ordinary.batchId());
    try {
      int[] rows = MeasuredVersion.unseen(context, batch, Set.of(candidateId, championId));
      MeasuredVersion candidate = MeasuredVersion.ofRows(context, candidateId, batch, rows);
      MeasuredVersion champion = MeasuredVersion.ofRows(context, championId, batch, rows);
      Comparison comparison =
          new Comparison(
              rules.gate(),
              rules.evidence(),
              Comparison.ALPHA,
              candidate.predictions(),
              champion.predictions());
      Check check = rules.retention().check(comparison, ordinary.batchId());
      return Optional.of(new Compared(check, candidate, champion));
    } catch (InvalidInputException noRows) {
      LOGGER.log(Level.INFO, noRows.getMessage());
      return Optional.empty();
    }
  }
}
