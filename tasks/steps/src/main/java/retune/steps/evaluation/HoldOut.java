package retune.steps.evaluation;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.split.Part;
import retune.judgement.DayKey;
import retune.judgement.JudgedAttempt;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.judgement.OrdinaryRows;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.StepContext;
import retune.steps.comparison.EvaluationReport;

/**
 * Judges fine-tuned versions on the hold-out of a batch.
 *
 * @param splitId the split that they were trained with; null if the batch has only one
 */
record HoldOut(StepContext context, Batch batch, @Nullable String splitId, DayKey key) {
  /** The dataset's name of a candidate's evaluation on the hold-out. */
  private static final String POST_FINETUNE_TEST = "post_finetune_test";

  /** Judges an attempt's version, and its alternative if need be; keeps the verdicts. */
  JudgedAttempt judge(String modelId, String championId, int attempt) {
    return JudgedAttempt.judge(
        context,
        batch.description(),
        key.rules(),
        attempt,
        modelId,
        (id, alpha, isAlternative) -> judge(id, championId, attempt, alpha, isAlternative));
  }

  /** Judges a version beside the champion, by the loop's rules, and keeps the verdict. */
  private Judgement judge(
      String modelId, String championId, int attempt, double alpha, boolean isAlternative) {
    if (modelId.equals(championId)) {
      throw new InvalidInputException(
          "The candidate and the version in production are the same version, %s; give two."
              .formatted(modelId));
    }
    DataSplit split = DataSplit.find(context, batch, splitId);
    split.verify(batch);
    int[] holdout = split.split().rows(Part.HOLDOUT);
    OrdinaryRows ordinary = OrdinaryRows.before(context, batch.description(), championId);
    int[] rows =
        MeasuredVersion.unseen(
            context, batch.description(), holdout, ordinary.judging(modelId, key.rules()));
    String selection =
        rows.length == holdout.length
            ? split.id()
            : split.id() + "/" + Hashing.sha256(Arrays.toString(rows));
    MeasuredVersion candidate = MeasuredVersion.ofSome(context, modelId, batch, rows, selection);
    MeasuredVersion champion = MeasuredVersion.ofSome(context, championId, batch, rows, selection);
    Judgement verdict =
        Judgement.ofCandidate(
            context,
            attempt,
            candidate,
            champion,
            batch,
            POST_FINETUNE_TEST,
            ordinary,
            other -> MeasuredVersion.ofSome(context, other, batch, rows, selection),
            alpha,
            key,
            null);
    Judgement judgement = isAlternative ? verdict.asAlternative() : verdict;
    judgement.keep(context, batch.description());
    EvaluationReport.keep(context, judgement, batch, candidate, champion, alpha);
    return judgement;
  }
}
