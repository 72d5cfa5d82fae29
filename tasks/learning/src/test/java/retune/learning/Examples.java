package retune.learning;

import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.training.LabelledRows;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/** Small networks and made rows. */
public final class Examples {
  public static final Architecture SMALL = new Architecture.TabTransformer(8, 2, 2, 12, 16, 0.3);
  public static final Target TARGET = new Target("default", List.of("0", "1"), "1");

  private Examples() {}

  /** Features c0, c1, … of 2, 3, … codes, and n0, n1, … */
  public static FeatureSchema schema(int categorical, int numeric) {
    return new FeatureSchema(
        IntStream.range(0, categorical).mapToObj(i -> new Categorical("c" + i, 2 + i)).toList(),
        IntStream.range(0, numeric).mapToObj(i -> "n" + i).toList());
  }

  /** Independent features: uniform codes, standard normal numbers. */
  public static Features features(FeatureSchema schema, int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] codes = new int[schema.categorical().size()][rows];
    for (int feature = 0; feature < codes.length; feature++) {
      int cardinality = schema.categorical().get(feature).cardinality();
      codes[feature] = random.ints(rows, 0, cardinality).toArray();
    }
    float[][] numbers = new float[schema.numeric().size()][rows];
    for (float[] column : numbers) {
      for (int row = 0; row < rows; row++) {
        column[row] = (float) random.nextGaussian();
      }
    }
    return new Features(schema, rows, codes, numbers);
  }

  /** Stores a day's rows as the processed batch of the version's model. */
  static ProcessedBatch write(
      DocumentStore store, String batchId, ModelVersion version, Features features, int[] labels) {
    return write(
        store,
        batchId,
        version,
        "c0ffee".repeat(10),
        new Rows(features, labels, LongStream.range(0, features.rows()).toArray()));
  }

  /** The same with a content hash and hashes of the rows. */
  static ProcessedBatch write(
      DocumentStore store, String batchId, ModelVersion version, String contentHash, Rows stored) {
    int rows = stored.features().rows();
    String date = batchId.substring(batchId.indexOf('/') + 1);
    ProcessedBatch batch =
        new ProcessedBatch(
            batchId,
            version.modelName(),
            LocalDate.parse(date),
            "generated",
            "run",
            contentHash,
            "raw",
            version.preprocessing().hash(),
            stored.features().schema(),
            rows,
            rows,
            rows,
            Map.of(),
            Map.of());
    store.processedBatches().write(batch, List.of(stored).iterator(), false);
    return batch;
  }

  /** Rows whose label is 1, for about a quarter of them, where code c1 and number n0 say so. */
  public static LabelledRows labelled(int rows, long seed) {
    Features features = features(schema(2, 3), rows, seed);
    int[] labels =
        IntStream.range(0, rows)
            .map(row -> features.codes()[1][row] + features.numbers()[0][row] > 2 ? 1 : 0)
            .toArray();
    return new LabelledRows(new FeatureRows(features), labels);
  }

  public static ModelVersion version(
      Architecture architecture, FeatureSchema schema, Target target, Weights weights) {
    return ModelVersion.of(
        "toy",
        Instant.parse("2026-01-09T10:15:00Z"),
        new ModelVersion.Design(
            architecture,
            Preprocessing.given(
                schema.categorical().stream()
                    .map(c -> new CodeColumn(c.name(), c.cardinality(), CodeColumn.NONE))
                    .toList(),
                schema.numeric().stream().map(NumericColumn::asIs).toList()),
            target),
        new ModelVersion.Lineage(null, "full", 1, 3e-4, "0123", Map.of(), List.of()),
        weights);
  }
}
