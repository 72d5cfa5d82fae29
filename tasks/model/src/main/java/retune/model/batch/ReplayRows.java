package retune.model.batch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/**
 * Rows of ordinary days that may train beside a day's own, so that a candidate does not forget
 * them. The hash of a row alone decides whether it may: a quarter of all rows may, and what a row
 * is for life ({@link Split#forLife}) says whether it fits or chooses. The others only judge, and
 * so do the rows of the reference. A version's judgement leaves out what its lineage names; see
 * {@link DataSplit#seenRows}.
 *
 * @param training rows that fit
 * @param validation rows that choose
 * @param contents content hashes of the batches that the rows are of
 */
public record ReplayRows(Some training, Some validation, List<String> contents) {
  /** Of {@value #ALL} rows that do not judge for life, those that may be replayed. */
  private static final long REPLAYED = 6;

  private static final long ALL = 20;

  /** Makes the choice independent of other uses of the hashes. */
  private static final long SALT = 0x7265706c6179L;

  /** Rows with their labels. */
  public record Some(Features features, int[] labels) {}

  /** Whether a row with this hash may be replayed, to fit or to choose. */
  static boolean mayTrain(long hash) {
    return Split.forLife(hash) != Part.HOLDOUT
        && Long.remainderUnsigned(Hashing.mix(hash ^ SALT), ALL) < REPLAYED;
  }

  private static boolean fits(long hash) {
    return Split.forLife(hash) == Part.TRAINING;
  }

  /**
   * Rows of the last ordinary days before the batch's; empty if there are none. None of them equals
   * a row of the batch or of the reference.
   *
   * @param mostTraining most rows that fit
   * @param mostValidation most rows that choose
   */
  public static Optional<ReplayRows> before(
      StepContext context, Batch batch, int mostTraining, int mostValidation) {
    Set<Long> taken = new HashSet<>();
    LongStream.of(batch.rows().rowHashes()).forEach(taken::add);
    context
        .store()
        .processedBatches()
        .find(Batch.referenceId(batch.description().model()))
        .ifPresent(
            reference ->
                OrdinaryDays.blocks(context, reference)
                    .forEach(block -> LongStream.of(block.rows().rowHashes()).forEach(taken::add)));
    List<ProcessedBatch> days = OrdinaryDays.before(context, batch.description());
    List<Some> training = new ArrayList<>();
    List<Some> validation = new ArrayList<>();
    for (ProcessedBatch day : days) {
      int blocks = OrdinaryDays.blockCount(day);
      int mostFit = Math.ceilDiv(Math.ceilDiv(mostTraining, days.size()), blocks);
      int mostChoose = Math.ceilDiv(Math.ceilDiv(mostValidation, days.size()), blocks);
      LongStream.Builder replay = LongStream.builder();
      OrdinaryDays.blocks(context, day)
          .forEach(
              block -> {
                Rows rows = block.rows();
                LongStream.of(rows.rowHashes()).filter(ReplayRows::mayTrain).forEach(replay::add);
                LongPredicate isFree = hash -> mayTrain(hash) && !taken.contains(hash);
                training.add(select(rows, isFree.and(ReplayRows::fits), mostFit));
                validation.add(select(rows, isFree.and(hash -> !fits(hash)), mostChoose));
              });
      DataSplit.keepReplay(context, day, replay.build().toArray());
    }
    ReplayRows found =
        days.isEmpty()
            ? null
            : new ReplayRows(
                joined(training),
                joined(validation),
                days.stream().map(ProcessedBatch::contentHash).toList());
    return Optional.ofNullable(found)
        .filter(rows -> rows.training.labels.length > 0 && rows.validation.labels.length > 0);
  }

  /** At most so many labelled rows whose hash suits, evenly spread. */
  private static Some select(Rows rows, LongPredicate suits, int most) {
    int[] found =
        IntStream.range(0, rows.labels().length)
            .filter(row -> rows.labels()[row] != Target.UNLABELLED)
            .filter(row -> suits.test(rows.rowHashes()[row]))
            .toArray();
    int count = Math.min(found.length, most);
    int[] kept =
        IntStream.range(0, count)
            .map(i -> found[(int) ((long) i * found.length / count)])
            .toArray();
    return new Some(
        rows.features().select(kept), Arrays.stream(kept).map(row -> rows.labels()[row]).toArray());
  }

  private static Some joined(List<Some> parts) {
    return new Some(
        Features.joined(parts.stream().map(Some::features).toList()),
        parts.stream().flatMapToInt(part -> Arrays.stream(part.labels)).toArray());
  }
}
