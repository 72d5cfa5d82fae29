package retune.steps.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.model.batch.OrdinaryDays;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/**
 * Rows of a batch: all, or of a large batch blocks that are spread over it, so that a comparison
 * takes the same time and memory whatever the day's size.
 *
 * @param positions of the rows in the batch
 */
record DriftRows(ProcessedBatch batch, int[] positions, Rows rows) {
  static DriftRows read(StepContext context, ProcessedBatch batch) {
    List<Rows> parts = new ArrayList<>();
    IntStream.Builder positions = IntStream.builder();
    OrdinaryDays.blocks(context, batch)
        .forEach(
            block -> {
              parts.add(block.rows());
              IntStream.range(0, block.rows().labels().length)
                  .forEach(row -> positions.add(block.first() + row));
            });
    return new DriftRows(
        batch,
        positions.build().toArray(),
        new Rows(
            Features.joined(parts.stream().map(Rows::features).toList()),
            parts.stream().flatMapToInt(part -> IntStream.of(part.labels())).toArray(),
            parts.stream().flatMapToLong(part -> LongStream.of(part.rowHashes())).toArray()));
  }

  /** The classes of the rows that a person labelled. */
  int[] labels() {
    return Arrays.stream(rows.labels()).filter(label -> label != Target.UNLABELLED).toArray();
  }
}
