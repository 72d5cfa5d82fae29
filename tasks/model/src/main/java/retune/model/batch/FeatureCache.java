package retune.model.batch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.runtime.StepContext;
import retune.runtime.store.Blobs;

/**
 * Encoded rows, kept under the encoder and the data they come from: the blob {@code
 * features/ENCODER_HASH/CONTENT_HASH} holds {@code rows × encodedSize} little-endian float32,
 * row-major. Whatever has the same encoder reuses them; damaged ones are computed again.
 */
public final class FeatureCache {
  private static final Logger LOGGER = System.getLogger(FeatureCache.class.getName());

  /** Rows encoded between two reports of progress. */
  private static final int CHUNK = 1000;

  /** Encoded numbers of the largest batch that is kept by {@link #answers}: 64 MB. */
  private static final int MOST_VALUES = 16 << 20;

  private final StepContext context;
  private final Blobs blobs;
  private final int mostValues;

  /** Where encoded rows came from. */
  public enum Source {
    REUSED("reused"),
    COMPUTED("computed"),
    RECOMPUTED("recomputed: damaged"),
    NOT_KEPT("computed, too many to keep");

    private final String words;

    Source(String words) {
      this.words = words;
    }

    public String words() {
      return words;
    }
  }

  /**
   * Rows as an encoder sees them.
   *
   * @param values {@code rows × encodedSize}, row-major
   */
  public record Encoded(float[] values, Source source) {}

  /**
   * What the head says to rows.
   *
   * @param logits {@code rows × classes}, row-major
   */
  public record Answers(float[] logits, Source source) {}

  /** What is kept under an id. */
  private sealed interface Kept {
    record Whole(float[] values) implements Kept {}

    record Damaged() implements Kept {}

    record Nothing() implements Kept {}
  }

  public FeatureCache(StepContext context) {
    this(context, MOST_VALUES);
  }

  FeatureCache(StepContext context, int mostValues) {
    this.context = context;
    this.blobs = context.store().blobs();
    this.mostValues = mostValues;
  }

  /**
   * The head's answers to all rows of a batch. The encoded rows of one that has more than 64 MB of
   * them are given up as soon as they are answered, so that memory does not grow with them.
   */
  public Answers answers(ModelVersion version, Engine engine, Batch batch) {
    int rows = batch.features().rows();
    if ((long) rows * size(version) <= mostValues) {
      Encoded encoded = all(version, engine, batch);
      return new Answers(engine.head(encoded.values(), rows), encoded.source());
    }
    int classes = version.target().classes().size();
    float[] logits = new float[rows * classes];
    inChunks(
        engine,
        batch.features(),
        (from, count, encoded) ->
            System.arraycopy(
                engine.head(encoded, count), 0, logits, from * classes, count * classes));
    return new Answers(logits, Source.NOT_KEPT);
  }

  /** All rows of a batch. */
  public Encoded all(ModelVersion version, Engine engine, Batch batch) {
    return get(id(version, batch), size(version), engine, batch.features());
  }

  /**
   * Some rows of a batch: out of the whole batch where that is encoded already, otherwise encoded
   * and kept by themselves.
   *
   * @param selection names the rows
   */
  public Encoded some(
      ModelVersion version, Engine engine, Batch batch, int[] rows, String selection) {
    int size = size(version);
    String id = id(version, batch);
    return switch (find(id, batch.features().rows() * size)) {
      case Kept.Whole(float[] values) -> new Encoded(select(values, size, rows), Source.REUSED);
      case Kept.Damaged(), Kept.Nothing() ->
          get(id + "/" + selection, size, engine, batch.features().select(rows));
    };
  }

  private Encoded get(String id, int size, Engine engine, Features features) {
    return switch (find(id, features.rows() * size)) {
      case Kept.Whole(float[] values) -> new Encoded(values, Source.REUSED);
      case Kept.Nothing() -> new Encoded(encode(id, size, engine, features), Source.COMPUTED);
      case Kept.Damaged() -> {
        LOGGER.log(Level.WARNING, "The encoded features {0} are damaged; encoding again.", id);
        yield new Encoded(encode(id, size, engine, features), Source.RECOMPUTED);
      }
    };
  }

  private Kept find(String id, int values) {
    Optional<byte[]> bytes;
    try {
      bytes = blobs.get(id);
    } catch (Blobs.DamagedException e) {
      return new Kept.Damaged();
    }
    if (bytes.isEmpty()) {
      return new Kept.Nothing();
    }
    if (bytes.get().length != values * Float.BYTES) {
      return new Kept.Damaged();
    }
    float[] kept = new float[values];
    ByteBuffer.wrap(bytes.get()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(kept);
    return new Kept.Whole(kept);
  }

  private float[] encode(String id, int size, Engine engine, Features features) {
    float[] encoded = new float[features.rows() * size];
    inChunks(
        engine,
        features,
        (from, _, chunk) -> System.arraycopy(chunk, 0, encoded, from * size, chunk.length));
    ByteBuffer bytes =
        ByteBuffer.allocate(encoded.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(encoded);
    blobs.put(id, bytes.array());
    return encoded;
  }

  /** Some encoded rows, of which the first is the row {@code from}. */
  private interface Chunks {
    void take(int from, int rows, float[] encoded);
  }

  private void inChunks(Engine engine, Features features, Chunks chunks) {
    for (int from = 0; from < features.rows(); from += CHUNK) {
      int to = Math.min(from + CHUNK, features.rows());
      chunks.take(
          from, to - from, engine.encode(features.select(IntStream.range(from, to).toArray())));
      context.progress("Encoding rows", to, features.rows());
    }
  }

  private static float[] select(float[] values, int size, int[] rows) {
    float[] selected = new float[rows.length * size];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(values, rows[i] * size, selected, i * size, size);
    }
    return selected;
  }

  private static String id(ModelVersion version, Batch batch) {
    return "features/" + version.encoderHash() + "/" + batch.contentHash();
  }

  private static int size(ModelVersion version) {
    return version.architecture().encodedSize();
  }
}
