package retune.model.batch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.data.Shard;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.store.Blobs;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/**
 * Caches encoded rows by encoder and data. The blob {@code features/ENCODER_HASH/CONTENT_HASH}
 * holds {@code rows × encodedSize} little-endian float32 numbers, row-major. All versions with the
 * same encoder share it; a damaged blob is computed again.
 *
 * <p>Each shard has its own blob. {@code features/ENCODER_HASH/CONTENT_HASH/INDEX-of-COUNT} holds
 * its encoded rows until all shards are merged. If the encoded batch is too large to keep, {@code
 * answers/MODEL_ID/CONTENT_HASH/INDEX-of-COUNT} holds the head's answers instead, and stays.
 */
public final class FeatureCache {
  private static final Logger LOGGER = System.getLogger(FeatureCache.class.getName());

  /** Number of rows encoded at a time; shards consist of whole chunks. */
  private static final int CHUNK = 1000;

  /** To read so many encoded rows is cheaper than to encode one. */
  private static final int MOST_TIMES = 4;

  /** Numbers in the largest encoded batch that {@link #answers} keeps: 64 MB. */
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
   * Encoded rows.
   *
   * @param values {@code rows × encodedSize}, row-major
   */
  public record Encoded(float[] values, Source source) {}

  /**
   * The answers of the head.
   *
   * @param logits {@code rows × classes}, row-major
   */
  public record Answers(float[] logits, Source source) {}

  /** A version and the engine that it runs on. */
  public record Opened(ModelVersion version, Engine engine) {}

  /** What a version answers to all rows of a batch, or why it cannot. */
  public sealed interface Answered {
    /**
     * The answers of the head.
     *
     * @param logits {@code rows × classes}, row-major
     */
    record All(float[] logits) implements Answered {}

    record Refused(InvalidInputException why) implements Answered {}
  }

  /** What the store holds under an id. */
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
   * The head's answers for all rows of a batch. If the encoded rows take more than 64 MB, each
   * chunk is discarded as soon as the head has answered it, so that they do not fill the memory.
   */
  public Answers answers(ModelVersion version, Engine engine, Batch batch) {
    int rows = batch.features().rows();
    if (isKept(version, rows)) {
      Encoded encoded = all(version, engine, batch);
      return new Answers(engine.head(encoded.values(), rows), encoded.source());
    }
    float[] logits = new float[rows * classes(version)];
    inChunks(
        engine,
        batch.features(),
        encoded -> engine.head(encoded, encoded.length / size(version)),
        logits);
    return new Answers(logits, Source.NOT_KEPT);
  }

  /**
   * The answers of several versions to all rows of a batch, in the order of the versions. Encoded
   * rows that are in the store are used. The other rows are read once, and each chunk is encoded
   * once for all versions that share the encoder, answered, and discarded. Stores nothing.
   */
  public List<Answered> answersOfAll(List<Opened> versions, ProcessedBatch batch) {
    List<Answering> all =
        versions.stream().map(opened -> new Answering(opened, batch.rows())).toList();
    List<List<Answering>> encoding = new ArrayList<>();
    for (List<Answering> sharing :
        all.stream()
            .collect(Collectors.groupingBy(one -> one.opened.version.encoderHash()))
            .values()) {
      if (keptWhole(sharing.getFirst().opened.version, batch) instanceof Kept.Whole(float[] kept)) {
        sharing.forEach(one -> one.answer(kept, 0, batch.rows()));
      } else {
        encoding.add(sharing);
      }
    }
    if (!encoding.isEmpty()) {
      int first = 0;
      Iterator<Rows> chunks = context.store().processedBatches().read(batch);
      while (chunks.hasNext()) {
        Features chunk = chunks.next().features();
        for (List<Answering> sharing : encoding) {
          answer(sharing, chunk, first);
        }
        first += chunk.rows();
        context.progress("Encoding rows", first, batch.rows());
      }
    }
    return all.stream().map(Answering::answered).toList();
  }

  private static void answer(List<Answering> sharing, Features chunk, int first) {
    if (sharing.stream().allMatch(one -> one.why != null)) {
      return;
    }
    float[] encoded;
    try {
      encoded = sharing.getFirst().opened.engine.encode(chunk);
    } catch (InvalidInputException refused) {
      sharing.forEach(one -> one.why = refused);
      return;
    }
    sharing.forEach(one -> one.answer(encoded, first, chunk.rows()));
  }

  /** The answers of a version while they are computed. */
  private static final class Answering {
    private final Opened opened;
    private final float[] logits;
    private @Nullable InvalidInputException why;

    Answering(Opened opened, int rows) {
      this.opened = opened;
      this.logits = new float[rows * classes(opened.version)];
    }

    void answer(float[] encoded, int first, int rows) {
      if (why != null) {
        return;
      }
      try {
        float[] some = opened.engine.head(encoded, rows);
        System.arraycopy(some, 0, logits, first * classes(opened.version), some.length);
      } catch (InvalidInputException refused) {
        why = refused;
      }
    }

    Answered answered() {
      return why == null ? new Answered.All(logits) : new Answered.Refused(why);
    }
  }

  /**
   * Computes and stores what {@link #answersOfShards} needs of one shard, unless it is already
   * stored. Reads only the rows of this shard.
   */
  public Source keepShard(ModelVersion version, Engine engine, ProcessedBatch batch, Shard shard) {
    if (keptWhole(version, batch) instanceof Kept.Whole) {
      return Source.REUSED;
    }
    boolean encodedOnly = isKept(version, batch.rows());
    int rowSize = partSize(version, batch);
    int from = shard.from(batch.rows(), CHUNK);
    int to = shard.to(batch.rows(), CHUNK);
    String id = partId(version, batch, shard);
    if (find(id, (to - from) * rowSize) instanceof Kept.Whole) {
      return Source.REUSED;
    }
    float[] values = new float[(to - from) * rowSize];
    inChunks(
        engine,
        context.store().processedBatches().read(batch, from, to).features(),
        encoded -> encodedOnly ? encoded : engine.head(encoded, encoded.length / size(version)),
        values);
    put(id, values);
    return encodedOnly ? Source.COMPUTED : Source.NOT_KEPT;
  }

  /**
   * Merges what {@link #keepShard} has stored of each shard into the result of {@link #answers}.
   * Does not read the rows of the batch.
   *
   * @param shards number of shards
   * @throws NotReadyException if a shard is missing or damaged
   */
  public Answers answersOfShards(
      ModelVersion version, Engine engine, ProcessedBatch batch, int shards) {
    Kept whole = keptWhole(version, batch);
    if (whole instanceof Kept.Whole(float[] encoded)) {
      removeShards(version, batch, shards); // a run that was killed may have left some
      return new Answers(engine.head(encoded, batch.rows()), Source.REUSED);
    }
    float[] values = together(version, batch, shards);
    if (!isKept(version, batch.rows())) {
      return new Answers(values, Source.NOT_KEPT);
    }
    put(id(version, batch), values);
    removeShards(version, batch, shards);
    return new Answers(
        engine.head(values, batch.rows()),
        whole instanceof Kept.Damaged ? Source.RECOMPUTED : Source.COMPUTED);
  }

  private void removeShards(ModelVersion version, ProcessedBatch batch, int shards) {
    Shard.all(shards).forEach(shard -> blobs.remove(partId(version, batch, shard)));
  }

  /** Number of rows of the batch in a shard. */
  public static int rows(ProcessedBatch batch, Shard shard) {
    return shard.to(batch.rows(), CHUNK) - shard.from(batch.rows(), CHUNK);
  }

  private float[] together(ModelVersion version, ProcessedBatch batch, int shards) {
    int rowSize = partSize(version, batch);
    float[] values = new float[batch.rows() * rowSize];
    List<Integer> missing = new ArrayList<>();
    for (Shard shard : Shard.all(shards)) {
      int from = shard.from(batch.rows(), CHUNK);
      int to = shard.to(batch.rows(), CHUNK);
      if (find(partId(version, batch, shard), (to - from) * rowSize)
          instanceof Kept.Whole(float[] part)) {
        System.arraycopy(part, 0, values, from * rowSize, part.length);
      } else {
        missing.add(shard.index());
      }
    }
    if (!missing.isEmpty()) {
      throw NotReadyException.missingShards("evaluate_model", batch.batchId(), missing, shards);
    }
    return values;
  }

  private Kept keptWhole(ModelVersion version, ProcessedBatch batch) {
    return isKept(version, batch.rows())
        ? find(id(version, batch), batch.rows() * size(version))
        : new Kept.Nothing();
  }

  /** All rows of a batch, encoded. */
  public Encoded all(ModelVersion version, Engine engine, Batch batch) {
    return get(id(version, batch.description()), size(version), engine, batch.features());
  }

  /**
   * Some rows of a batch, encoded. Selects them from the encoded batch if that is in the store;
   * otherwise encodes and stores these rows alone.
   *
   * @param rows positions in the batch
   * @param selection name under which these rows are stored
   */
  public Encoded some(
      ModelVersion version, Engine engine, Batch batch, int[] rows, String selection) {
    int size = size(version);
    String id = id(version, batch.description());
    return switch (find(id, batch.features().rows() * size)) {
      case Kept.Whole(float[] values) -> new Encoded(select(values, size, rows), Source.REUSED);
      case Kept.Damaged(), Kept.Nothing() ->
          get(id + "/" + selection, size, engine, batch.features().select(rows));
    };
  }

  /**
   * The head's answers for some rows of a batch that is not in memory. Takes their encoding from
   * the encoded batch if that is in the store and not much larger; otherwise encodes them.
   *
   * @param rows positions in the batch, ascending
   * @param features of these rows
   * @param keep whether to store what was encoded, if these are all rows of the batch
   */
  public Answers someOf(
      ModelVersion version,
      Engine engine,
      ProcessedBatch batch,
      int[] rows,
      Features features,
      boolean keep) {
    int size = size(version);
    boolean isLarger = batch.rows() > MOST_TIMES * (long) rows.length;
    if (!isLarger && keptWhole(version, batch) instanceof Kept.Whole(float[] values)) {
      float[] encoded = rows.length == batch.rows() ? values : select(values, size, rows);
      return new Answers(engine.head(encoded, rows.length), Source.REUSED);
    }
    float[] encoded = new float[rows.length * size];
    inChunks(engine, features, chunk -> chunk, encoded);
    if (keep && rows.length == batch.rows() && isKept(version, rows.length)) {
      put(id(version, batch), encoded);
    }
    return new Answers(engine.head(encoded, rows.length), Source.COMPUTED);
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
    inChunks(engine, features, chunk -> chunk, encoded);
    put(id, encoded);
    return encoded;
  }

  private void put(String id, float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    blobs.put(id, bytes.array());
  }

  /** Encodes the rows in chunks, and writes what {@code made} makes of them to {@code values}. */
  private void inChunks(
      Engine engine, Features features, UnaryOperator<float[]> made, float[] values) {
    int filled = 0;
    for (int from = 0; from < features.rows(); from += CHUNK) {
      int to = Math.min(from + CHUNK, features.rows());
      float[] some = made.apply(engine.encode(features.range(from, to)));
      System.arraycopy(some, 0, values, filled, some.length);
      filled += some.length;
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

  private static String id(ModelVersion version, ProcessedBatch batch) {
    return "features/" + version.encoderHash() + "/" + batch.contentHash();
  }

  private String partId(ModelVersion version, ProcessedBatch batch, Shard shard) {
    String of =
        isKept(version, batch.rows())
            ? id(version, batch)
            : "answers/" + version.modelId() + "/" + batch.contentHash();
    return of + "/" + shard.index() + "-of-" + shard.count();
  }

  /** Numbers per row in a shard's blob: those of its encoding, or of its answer. */
  private int partSize(ModelVersion version, ProcessedBatch batch) {
    return isKept(version, batch.rows()) ? size(version) : classes(version);
  }

  private boolean isKept(ModelVersion version, int rows) {
    return (long) rows * size(version) <= mostValues;
  }

  private static int classes(ModelVersion version) {
    return version.target().classes().size();
  }

  private static int size(ModelVersion version) {
    return version.architecture().encodedSize();
  }
}
