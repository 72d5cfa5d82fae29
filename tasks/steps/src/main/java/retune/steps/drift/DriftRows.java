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
import retune.runtime.store.ProcessedBatches;
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
    ProcessedBatches batches = context.store().processedBatches();
    int blocks = Math.ceilDiv(batch.rows(), OrdinaryDays.BLOCK_ROWS);
    int read = OrdinaryDays.blockCount(batch);
    if (read == blocks) {
      return new DriftRows(
          batch, IntStream.range(0, batch.rows()).toArray(), batches.readAll(batch));
    }
    ProcessedBatches.Reader reader = batches.reader(batch);
    List<Rows> parts = new ArrayList<>();
    IntStream.Builder positions = IntStream.builder();
    for (int i = 0; i < read; i++) {
      int from = (int) ((long) i * blocks / read) * OrdinaryDays.BLOCK_ROWS;
      int to = Math.min(batch.rows(), from + OrdinaryDays.BLOCK_ROWS);
      parts.add(reader.read(from, to));
      IntStream.range(from, to).forEach(positions::add);
    }
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
