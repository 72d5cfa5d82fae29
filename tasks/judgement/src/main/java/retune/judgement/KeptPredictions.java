package retune.judgement;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import org.bson.Document;
import retune.core.data.Hashing;
import retune.core.metrics.Predictions;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.Blobs;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The predictions that a verdict rests on, so that anyone can compute it again. The collection
 * {@code predictions} describes them; the file {@code predictions/ID} holds, one after the other
 * and little-endian, the judged rows' positions in the batch (int32), their labels (int32), and the
 * probabilities (float64, {@code rows × classes}, row-major). The id is {@code
 * MODEL_ID/CONTENT_HASH/} and 12 hexadecimal digits of the file's SHA-256: predictions are never
 * changed, and the same ones are kept once.
 */
final class KeptPredictions {
  static final String COLLECTION = "predictions";
  private static final int DIGITS = 12;

  /** Bytes of the largest file: ten million rows of two classes. */
  private static final long MOST_BYTES = 256L << 20;

  private KeptPredictions() {}

  /**
   * Keeps predictions and returns their id; empty if they are too many.
   *
   * @param rows the judged rows' positions in the batch
   */
  static Optional<String> keep(
      StepContext context,
      ModelVersion version,
      ProcessedBatch batch,
      int[] rows,
      Predictions predictions) {
    if (size(predictions) > MOST_BYTES) {
      return Optional.empty();
    }
    byte[] bytes = bytes(rows, predictions);
    String sha256 = Hashing.sha256(bytes);
    String id =
        "%s/%s/%s".formatted(version.modelId(), batch.contentHash(), sha256.substring(0, DIGITS));
    if (context.store().events().find(COLLECTION, id).isEmpty()) {
      String file = COLLECTION + "/" + id;
      context.store().blobs().put(file, bytes);
      context
          .store()
          .events()
          .append(
              COLLECTION,
              id,
              new Document("model_id", version.modelId())
                  .append("data_path", batch.batchId())
                  .append("content_hash", batch.contentHash())
                  .append("rows", rows.length)
                  .append("classes", version.target().classes())
                  .append("positive", version.target().positiveIndex())
                  .append("decision_threshold", version.decisionThreshold())
                  .append("file", file)
                  .append("sha256", sha256));
    }
    return Optional.of(id);
  }

  /**
   * Kept predictions of the version for exactly these rows; empty if there are none, or if their
   * file is lost or damaged.
   *
   * @param rows positions in the batch
   * @param labels of these rows
   */
  static Optional<AnsweredRows> find(
      StepContext context, ModelVersion version, ProcessedBatch batch, int[] rows, int[] labels) {
    String prefix = "%s/%s/".formatted(version.modelId(), batch.contentHash());
    return context.store().events().startingWith(COLLECTION, prefix).stream()
        .filter(kept -> kept.getInteger("rows") == rows.length)
        .flatMap(
            kept ->
                bytes(context, kept.getString("file"))
                    .flatMap(bytes -> read(bytes, version, rows.length))
                    .filter(
                        found ->
                            Arrays.equals(found.rows(), rows)
                                && Arrays.equals(found.predictions().labels(), labels))
                    .map(
                        found ->
                            new AnsweredRows(
                                version, batch, rows, found.predictions(), kept.getString("_id")))
                    .stream())
        .findFirst();
  }

  private static Optional<byte[]> bytes(StepContext context, String file) {
    try {
      return context.store().blobs().get(file);
    } catch (Blobs.DamagedException damaged) {
      return Optional.empty();
    }
  }

  /** Kept predictions by their id; empty if their file is lost or damaged. */
  static Optional<Predictions> find(StepContext context, ModelVersion version, String id) {
    return context
        .store()
        .events()
        .find(COLLECTION, id)
        .flatMap(
            kept ->
                bytes(context, kept.getString("file"))
                    .flatMap(bytes -> read(bytes, version, kept.getInteger("rows"))))
        .map(Kept::predictions);
  }

  /**
   * The content of a file.
   *
   * @param rows positions in the batch
   */
  private record Kept(int[] rows, Predictions predictions) {}

  private static Optional<Kept> read(byte[] file, ModelVersion version, int count) {
    int classes = version.target().classes().size();
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int[] rows = new int[count];
    int[] labels = new int[count];
    double[] probabilities = new double[count * classes];
    if (bytes.remaining() != 2 * count * Integer.BYTES + probabilities.length * Double.BYTES) {
      return Optional.empty();
    }
    bytes.asIntBuffer().get(rows).get(labels);
    bytes.position(2 * count * Integer.BYTES).asDoubleBuffer().get(probabilities);
    return Optional.of(
        new Kept(
            rows,
            new Predictions(
                labels,
                probabilities,
                classes,
                version.target().positiveIndex(),
                version.decisionThreshold())));
  }

  private static long size(Predictions predictions) {
    return (2L * Integer.BYTES + (long) predictions.classes() * Double.BYTES) * predictions.rows();
  }

  private static byte[] bytes(int[] rows, Predictions predictions) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(size(predictions))).order(ByteOrder.LITTLE_ENDIAN);
    for (int row : rows) {
      bytes.putInt(row);
    }
    for (int label : predictions.labels()) {
      bytes.putInt(label);
    }
    for (double probability : predictions.probabilities()) {
      bytes.putDouble(probability);
    }
    return bytes.array();
  }
}
