package retune.model.batch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import retune.core.data.Features;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/** The features of a batch, in memory or in the store. */
public interface FeatureSource {
  /**
   * Uses the features of some rows, a part at a time, and returns what was made of each part. There
   * is at least one part.
   *
   * @param rows positions in the batch, ascending
   */
  <T> List<T> map(int[] rows, Function<Features, T> use);

  /**
   * Reads the features from the store when they are used, so that at most a chunk of them is in
   * memory.
   */
  static FeatureSource stored(StepContext context, ProcessedBatch batch) {
    return new Stored(context, batch);
  }

  /** See {@link #stored}. */
  record Stored(StepContext context, ProcessedBatch batch) implements FeatureSource {
    @Override
    public <T> List<T> map(int[] rows, Function<Features, T> use) {
      List<T> used = new ArrayList<>();
      Iterator<Rows> chunks = context.store().processedBatches().read(batch);
      int first = 0;
      int taken = 0;
      while (chunks.hasNext() && (taken < rows.length || used.isEmpty())) {
        Features chunk = chunks.next().features();
        int from = taken;
        while (taken < rows.length && rows[taken] < first + chunk.rows()) {
          taken++;
        }
        if (taken > from || rows.length == 0) {
          int start = first;
          int[] some = Arrays.stream(rows, from, taken).map(row -> row - start).toArray();
          used.add(use.apply(chunk.select(some)));
        }
        first += chunk.rows();
      }
      return used;
    }
  }
}
