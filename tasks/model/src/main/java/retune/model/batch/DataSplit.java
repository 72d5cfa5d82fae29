package retune.model.batch;

import static com.mongodb.client.model.Filters.and;
import static com.mongodb.client.model.Filters.eq;
import static com.mongodb.client.model.Filters.in;
import static com.mongodb.client.model.Filters.or;
import static com.mongodb.client.model.Projections.include;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.Binary;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.preprocessing.Preprocessing;
import retune.core.split.ModelLabels;
import retune.core.split.Part;
import retune.core.split.QualityFilter;
import retune.core.split.Split;
import retune.model.ModelVersion.Lineage;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The split of a batch. In the collection {@code data_splits}, {@code assignment} holds one {@link
 * Part#code} per row, and {@code hashes} the {@link Split#digest} of each part. The blob {@code
 * training_rows/ID} holds the hashes of the training, validation and rejected rows, eight bytes
 * each, big-endian. They outlive the batch, which other content of the same day replaces.
 *
 * @param id {@code BATCH/} and 12 hexadecimal digits, derived from the batch's content and the
 *     plan: the same split has the same id
 * @param filter what was left out of training; null if no filter was used, or if the split was read
 *     from the store
 */
public record DataSplit(String id, Split split, @Nullable QualityFilter filter) {
  private static final String COLLECTION = "data_splits";
  private static final int DIGITS = 12;

  /** Part of the id of a day's split in which rows keep their lifelong parts. */
  private static final String LIFELONG = " for life";

  /** Number of rejected rows that a document lists for each reason. */
  private static final int SAMPLE = 10;

  /**
   * How to split a batch.
   *
   * @param holdoutShare share of the labelled rows in the hold-out, 0 … 1
   * @param validationShare share of the other labelled rows in the validation part, 0 … 1
   * @param seed random seed
   * @param qualityFilter whether training and validation leave out what {@link QualityFilter}
   *     finds; if not, all labels that models gave train
   */
  public record Plan(
      double holdoutShare, double validationShare, long seed, boolean qualityFilter) {}

  /**
   * Splits the batch. The seed is mixed with the batch's id, so that each day is split differently,
   * but a row that judges in retrainings never trains; see {@link Split#ofDay}. A batch that an
   * earlier release has split, without regard to lifelong parts, keeps that split.
   *
   * @param preprocessing the preprocessing that made the batch
   * @param leastConfidence of a model in a label that it gave, for the row to train; 0 … 1
   */
  public static DataSplit of(
      StepContext context,
      Batch batch,
      Plan plan,
      Preprocessing preprocessing,
      double leastConfidence) {
    byte[] digest =
        Hashing.sha256().digest((batch.id() + "/" + plan.seed()).getBytes(StandardCharsets.UTF_8));
    long seed = ByteBuffer.wrap(digest).getLong();
    long[] hashes = batch.rows().rowHashes();
    int[] labels = batch.rows().labels();
    double holdout = plan.holdoutShare();
    double validation = plan.validationShare();
    String earlier = id(batch, plan, leastConfidence, "");
    if (context.store().events().find(COLLECTION, earlier).isPresent()) {
      Split split = Split.of(hashes, labels, holdout, validation, seed);
      return filtered(earlier, batch, split, plan, preprocessing, leastConfidence);
    }
    return filtered(
        id(batch, plan, leastConfidence, LIFELONG),
        batch,
        Split.ofDay(hashes, labels, holdout, validation, seed),
        plan,
        preprocessing,
        leastConfidence);
  }

  /**
   * Splits rows of several days, each by its own hash; see {@link Split#forLife}.
   *
   * @param qualityFilter see {@link Plan}
   * @param preprocessing see {@link #of}
   * @param leastConfidence see {@link #of}
   */
  public static DataSplit forLife(
      Batch batch, boolean qualityFilter, Preprocessing preprocessing, double leastConfidence) {
    Plan plan = planForLife(qualityFilter);
    return filtered(
        id(batch, plan, leastConfidence, ""),
        batch,
        Split.forLife(batch.rows().rowHashes(), batch.rows().labels()),
        plan,
        preprocessing,
        leastConfidence);
  }

  /** The shares of {@link #forLife}. */
  public static Plan planForLife(boolean qualityFilter) {
    return new Plan(0.15, 0.15 / 0.85, 0, qualityFilter);
  }

  private static String id(Batch batch, Plan plan, double leastConfidence, String rule) {
    String confidence = batch.rows().modelLabels() == null ? "" : " from " + leastConfidence;
    String content = Hashing.sha256(batch.contentHash() + plan + confidence + rule);
    return batch.id() + "/" + content.substring(0, DIGITS);
  }

  private static DataSplit filtered(
      String id,
      Batch batch,
      Split labelled,
      Plan plan,
      Preprocessing preprocessing,
      double leastConfidence) {
    Split split = labelled;
    ModelLabels ofModel = batch.rows().modelLabels();
    double least = plan.qualityFilter() ? leastConfidence : 0;
    if (ofModel != null) {
      split = ofModel.addTo(split, batch.rows().rowHashes(), least);
    }
    if (!plan.qualityFilter()) {
      return new DataSplit(id, split, null);
    }
    QualityFilter filter =
        QualityFilter.of(
            split,
            batch.rows().rowHashes(),
            batch.rows().trainingLabels(),
            batch.features(),
            preprocessing.limits(),
            ofModel == null ? List.of() : ofModel.below(least));
    return new DataSplit(id, filter.apply(split), filter);
  }

  /** Counts the rows of each part and checks that no row is in two; see {@link Split#verify}. */
  public Split.Counts verify(Batch batch) {
    return split.verify(batch.rows().rowHashes());
  }

  /** Stores the split, after {@link #verify}. */
  public void keep(StepContext context, Batch batch, Plan plan) {
    long[] rowHashes = batch.rows().rowHashes();
    Split.Counts counts = verify(batch);
    Document hashes = new Document();
    for (Part part : List.of(Part.TRAINING, Part.VALIDATION, Part.HOLDOUT)) {
      hashes.append(part.id(), split.digest(part, rowHashes));
    }
    Document document =
        new Document("data_path", batch.id())
            .append("content_hash", batch.contentHash())
            .append("holdout_share", plan.holdoutShare())
            .append("validation_share", plan.validationShare())
            .append("seed", plan.seed())
            .append("assignment", new Binary(split.assignment()))
            .append(
                "counts",
                new Document("training", counts.training())
                    .append("validation", counts.validation())
                    .append("holdout", counts.holdout())
                    .append("excluded", counts.excluded())
                    .append("duplicates", counts.duplicates())
                    .append("rejected", counts.rejected()))
            .append("hashes", hashes);
    if (filter != null) {
      document.append("rejected", rejected(filter));
    }
    context.store().blobs().put(trainingRowsId(id), bytes(trainingRows(rowHashes)));
    context.store().events().record(COLLECTION, id, document);
  }

  /**
   * Stores which rows of a batch may be replayed, before a version is registered that was trained
   * on some of them.
   *
   * @param hashes of those rows, as the batch's content alone gives them
   */
  static void keepReplay(StepContext context, ProcessedBatch batch, long[] hashes) {
    // Not "/replay-", which names the rows that an earlier release might replay: they differ.
    String id = batch.batchId() + "/replayed-" + batch.contentHash().substring(0, DIGITS);
    context.store().blobs().put(trainingRowsId(id), bytes(hashes));
    context
        .store()
        .events()
        .record(
            COLLECTION,
            id,
            new Document("data_path", batch.batchId())
                .append("content_hash", Lineage.replayOf(batch.contentHash()))
                .append("counts", new Document("training", hashes.length)));
  }

  /**
   * Stores which rows of a day a training set may give to training, before a version is registered
   * that was trained on the set.
   *
   * @param day the day's batch
   * @param name names the set among the day's splits
   * @param contentHash the set's
   * @param hashes of those rows
   */
  public static void keepCollected(
      StepContext context, String day, String name, String contentHash, long[] hashes) {
    String id = day + "/" + name;
    context.store().blobs().put(trainingRowsId(id), bytes(hashes));
    context
        .store()
        .events()
        .record(
            COLLECTION,
            id,
            new Document("data_path", day)
                .append("content_hash", contentHash)
                .append("counts", new Document("training", hashes.length)));
  }

  /** The number of rejected rows for each reason, and the positions of the first ones. */
  private static Document rejected(QualityFilter filter) {
    Document rejected = new Document();
    filter
        .rejected()
        .forEach(
            (reason, rows) ->
                rejected.append(
                    reason.id(),
                    new Document("count", rows.size())
                        .append("sample", rows.stream().limit(SAMPLE).toList())));
    return rejected;
  }

  /**
   * Marks the rows of the batch that training on one of these contents may have seen: the rows that
   * any split of the same content gave to training or validation, and rows equal to such rows in
   * earlier content of the same day, for example before its labels changed. Equal rows of other
   * days are not marked, because in a table of few distinct rows every day repeats them.
   *
   * @param trainedOn content hashes of batches; see {@link Lineage#contents}
   * @return one per row: whether training may have seen it
   * @throws InvalidInputException if the batch's content is among these, but its split is not in
   *     the store
   */
  public static boolean[] seenRows(
      StepContext context, ProcessedBatch batch, Set<String> trainedOn) {
    boolean[] seen = new boolean[batch.rows()];
    Set<Long> hashes = new HashSet<>();
    boolean found = false;
    for (Document split :
        context
            .store()
            .collection(COLLECTION)
            .find(
                and(
                    in("content_hash", trainedOn),
                    or(
                        eq("content_hash", batch.contentHash()),
                        eq("data_path", batch.batchId()))))) {
      if (split.getString("content_hash").equals(batch.contentHash())) {
        found = true;
        byte[] assignment = split.get("assignment", Binary.class).getData();
        for (int row = 0; row < seen.length; row++) {
          seen[row] |= isTrainedOn(assignment[row]);
        }
      } else if (split.getString("data_path").equals(batch.batchId())) {
        context
            .store()
            .blobs()
            .get(trainingRowsId(split.getString("_id")))
            .ifPresent(bytes -> LongStream.of(longs(bytes)).forEach(hashes::add));
      }
    }
    if (!found && trainedOn.contains(batch.contentHash())) {
      throw new InvalidInputException(
          "The split by which a version was trained on '%s' is not in the store, so its hold-out is"
                  .formatted(batch.batchId())
              + " unknown; judge the version on another batch.");
    }
    if (!hashes.isEmpty()) {
      markEqual(context, batch, hashes, seen);
    }
    return seen;
  }

  /**
   * Whether one of these contents is the batch's, or an earlier content of the same day.
   *
   * @param trainedOn content hashes of batches; see {@link Lineage#contents}
   */
  public static boolean isDayOf(StepContext context, ProcessedBatch batch, Set<String> trainedOn) {
    return trainedOn.contains(batch.contentHash())
        || context
                .store()
                .collection(COLLECTION)
                .countDocuments(
                    and(in("content_hash", trainedOn), eq("data_path", batch.batchId())))
            > 0;
  }

  /**
   * Marks the rows that equal a row, of any day, that training on one of these contents may have
   * seen.
   *
   * @param rowHashes see {@link Hashing#rows}
   * @param trainedOn content hashes of batches; see {@link Lineage#contents}
   * @return one per row
   */
  public static boolean[] equalRows(StepContext context, long[] rowHashes, Set<String> trainedOn) {
    long[] looked = rowHashes.clone();
    Arrays.sort(looked);
    boolean[] isSeen = new boolean[looked.length];
    for (Document split :
        context
            .store()
            .collection(COLLECTION)
            .find(in("content_hash", trainedOn))
            .projection(include("_id"))) {
      context
          .store()
          .blobs()
          .get(trainingRowsId(split.getString("_id")))
          .ifPresent(bytes -> markSeen(longs(bytes), looked, isSeen));
    }
    boolean[] equal = new boolean[rowHashes.length];
    for (int row = 0; row < equal.length; row++) {
      equal[row] = isSeen[Arrays.binarySearch(looked, rowHashes[row])];
    }
    return equal;
  }

  /** Marks the places of those sorted hashes that rows of a training have. */
  private static void markSeen(long[] trainedOn, long[] sorted, boolean[] isSeen) {
    for (long hash : trainedOn) {
      int place = Arrays.binarySearch(sorted, hash);
      if (place >= 0) {
        isSeen[place] = true;
      }
    }
  }

  private static void markEqual(
      StepContext context, ProcessedBatch batch, Set<Long> hashes, boolean[] seen) {
    int row = 0;
    for (var chunks = context.store().processedBatches().read(batch); chunks.hasNext(); ) {
      for (long hash : chunks.next().rowHashes()) {
        seen[row] |= hashes.contains(hash);
        row++;
      }
    }
  }

  /** Rejected rows count, too: training may have seen an equal row. */
  private static boolean isTrainedOn(byte part) {
    return part == Part.TRAINING.code()
        || part == Part.VALIDATION.code()
        || part == Part.REJECTED.code();
  }

  private long[] trainingRows(long[] rowHashes) {
    return IntStream.range(0, rowHashes.length)
        .filter(row -> isTrainedOn(split.assignment()[row]))
        .mapToLong(row -> rowHashes[row])
        .toArray();
  }

  private static String trainingRowsId(String splitId) {
    return "training_rows/" + splitId;
  }

  private static byte[] bytes(long[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Long.BYTES);
    bytes.asLongBuffer().put(values);
    return bytes.array();
  }

  private static long[] longs(byte[] bytes) {
    long[] values = new long[bytes.length / Long.BYTES];
    ByteBuffer.wrap(bytes).asLongBuffer().get(values);
    return values;
  }

  /**
   * Reads a split of the batch's current content.
   *
   * @param splitId null for the only split
   * @throws InvalidInputException if there is no such split, or several and no id is given
   */
  public static DataSplit find(StepContext context, Batch batch, @Nullable String splitId) {
    Bson ofBatch = and(eq("data_path", batch.id()), eq("content_hash", batch.contentHash()));
    List<Document> found =
        context
            .store()
            .collection(COLLECTION)
            .find(splitId == null ? ofBatch : and(eq("_id", splitId), ofBatch))
            .limit(2)
            .into(new ArrayList<>());
    if (found.isEmpty()) {
      throw new InvalidInputException(
          "There is no split%s of '%s' as it is now; run prepare_retraining_data first."
              .formatted(splitId == null ? "" : " '" + splitId + "'", batch.id()));
    }
    if (found.size() > 1) {
      throw new InvalidInputException(
          "'%s' was split in several ways; say with split_id which one the model was trained on."
              .formatted(batch.id()));
    }
    Document split = found.getFirst();
    return new DataSplit(
        split.getString("_id"), new Split(split.get("assignment", Binary.class).getData()), null);
  }
}
