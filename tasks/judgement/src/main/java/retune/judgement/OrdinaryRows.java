package retune.judgement;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
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
public final class OrdinaryRows {
  private static final Logger LOGGER = System.getLogger(OrdinaryRows.class.getName());

  private final StepContext context;
  private final Optional<ProcessedBatch> ordinary;

  /** Read by the first comparison, for all that follow. */
  private @Nullable Batch batch;

  private OrdinaryRows(StepContext context, Optional<ProcessedBatch> ordinary) {
    this.context = context;
    this.ordinary = ordinary;
  }

  /** Two versions on these rows, and what the loop's retention says of them. */
  record Compared(Check check, MeasuredVersion candidate, MeasuredVersion champion) {}

  /**
   * Finds these rows; there are none where no such day is in the store.
   *
   * @param judged the batch that candidates are judged on
   */
  public static OrdinaryRows before(StepContext context, ProcessedBatch judged) {
    Optional<ProcessedBatch> ordinary =
        DayOutcome.lastApprovedBefore(context.store(), judged.model(), judged.logicalDate())
            .map(outcome -> RawBatches.batchId(judged.model(), outcome.date()))
            .flatMap(context.store().processedBatches()::find)
            .filter(batch -> batch.preprocessingHash().equals(judged.preprocessingHash()));
    return new OrdinaryRows(context, ordinary);
  }

  /** Compares two versions there; empty without rows. */
  Optional<Compared> compare(Rules rules, String candidateId, String championId) {
    if (ordinary.isEmpty()) {
      LOGGER.log(
          Level.INFO,
          "No earlier day on which production passed is in the store, so that nothing can be said"
              + " of what '%s' loses on ordinary rows.".formatted(candidateId));
      return Optional.empty();
    }
    if (batch == null) {
      batch = Batch.load(context, ordinary.get().batchId());
    }
    return compareOn(batch, rules, candidateId, championId);
  }

  private Optional<Compared> compareOn(
      Batch read, Rules rules, String candidateId, String championId) {
    try {
      int[] rows = MeasuredVersion.unseen(context, read, Set.of(candidateId, championId));
      MeasuredVersion candidate = MeasuredVersion.ofRows(context, candidateId, read, rows);
      MeasuredVersion champion = MeasuredVersion.ofRows(context, championId, read, rows);
      Comparison comparison =
          new Comparison(
              rules.gate(),
              rules.evidence(),
              Comparison.ALPHA,
              candidate.predictions(),
              champion.predictions());
      Check check = rules.retention().check(comparison, read.id());
      return Optional.of(new Compared(check, candidate, champion));
    } catch (InvalidInputException noRows) {
      LOGGER.log(Level.INFO, noRows.getMessage());
      return Optional.empty();
    }
  }
}
