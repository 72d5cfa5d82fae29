package retune.steps.retraining;

import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.model.ModelFolder;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.model.engine.Predictor;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.Deployment;

/** Batches whose labels are what a version answers, so that it is right and others are wrong. */
final class Days {
  private static final int UNLABELLED = 3;

  private Days() {}

  /**
   * Writes a day; its first three rows have no label.
   *
   * @param noise share of the labels that are exchanged
   */
  static ProcessedBatch write(
      Deployment deployment, LocalDate date, int rows, ModelFolder.Content right, double noise) {
    ProcessedBatch batch = describe(date, rows, right, "content of " + date + rows);
    Random random = new Random(date.hashCode());
    float[][] numbers = new float[2][rows];
    for (float[] number : numbers) {
      for (int row = 0; row < rows; row++) {
        number[row] = (float) random.nextGaussian();
      }
    }
    Features features = new Features(batch.schema(), rows, new int[0][], numbers);
    int[] labels;
    try (Engine engine = new PlainEngine(right.version(), right.weights(), 1)) {
      labels =
          IntStream.range(0, rows)
              .map(new Predictor(right.version(), engine).predict(features)::predicted)
              .toArray();
    }
    for (int row = 0; row < rows; row++) {
      if (random.nextDouble() < noise) {
        labels[row] = 1 - labels[row];
      }
      labels[row] = row < UNLABELLED ? Target.UNLABELLED : labels[row];
    }
    long[] hashes = IntStream.range(0, rows).mapToLong(row -> random.nextLong()).toArray();
    deployment
        .store
        .processedBatches()
        .write(batch, List.of(new Rows(features, labels, hashes)).iterator(), false);
    return batch;
  }

  private static ProcessedBatch describe(
      LocalDate date, int rows, ModelFolder.Content right, String content) {
    return new ProcessedBatch(
        Deployment.MODEL + "/" + date,
        Deployment.MODEL,
        date,
        "ingested",
        "run",
        Hashing.sha256(content),
        Hashing.sha256("raw " + content),
        right.version().preprocessing().hash(),
        right.version().preprocessing().schema(),
        rows,
        rows,
        rows - UNLABELLED,
        Map.of(),
        Map.of());
  }
}
