package retune.model.batch;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.time.LocalDate;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bson.Document;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.runtime.store.RawBatches;

/** The days on which the version in production passed, as the collection {@code outcomes} says. */
public final class OrdinaryDays {
  /** The days' outcomes. */
  public static final String OUTCOMES = "outcomes";

  /** The status of a day on which the version in production passed. */
  public static final String APPROVED = "approved";

  /** Most days that judge or train. */
  public static final int MOST_DAYS = 5;

  /** Rows of a block: those of one stored chunk. */
  public static final int BLOCK_ROWS = 1_000;

  private static final int MOST_BLOCKS = 40;

  /**
   * Neighbouring rows of a batch.
   *
   * @param first the first one's position in the batch
   */
  public record Block(int first, Rows rows) {}

  private OrdinaryDays() {}

  /** The last of them before the batch's day that have its features, the newest first. */
  public static List<ProcessedBatch> before(StepContext context, ProcessedBatch batch) {
    return dates(context, batch.model(), batch.logicalDate()).stream()
        .map(date -> RawBatches.batchId(batch.model(), date))
        .map(context.store().processedBatches()::find)
        .flatMap(Optional::stream)
        .filter(day -> day.preprocessingHash().equals(batch.preprocessingHash()))
        .limit(MOST_DAYS)
        .toList();
  }

  /** By each day's latest outcome; the newest first. */
  private static List<LocalDate> dates(StepContext context, String model, LocalDate before) {
    Map<String, Document> latest = new TreeMap<>(Comparator.reverseOrder());
    context
        .store()
        .collection(OUTCOMES)
        .find(Filters.and(Filters.gt("_id", model + "/"), Filters.lt("_id", model + "/" + before)))
        .projection(Projections.include("logical_date", "revision", "status"))
        .forEach(
            outcome ->
                latest.merge(
                    outcome.getString("logical_date"),
                    outcome,
                    (one, other) ->
                        other.getInteger("revision") > one.getInteger("revision") ? other : one));
    return latest.values().stream()
        .filter(outcome -> outcome.getString("status").equals(APPROVED))
        .map(outcome -> LocalDate.parse(outcome.getString("logical_date")))
        .toList();
  }

  /** Number of blocks that are read of a batch, evenly spread over it, whatever its size. */
  public static int blockCount(ProcessedBatch batch) {
    return Math.min(Math.ceilDiv(batch.rows(), BLOCK_ROWS), MOST_BLOCKS);
  }

  /** These blocks, one after the other. Where they are the whole batch, they are read together. */
  public static Stream<Block> blocks(StepContext context, ProcessedBatch batch) {
    int blocks = Math.ceilDiv(batch.rows(), BLOCK_ROWS);
    int read = blockCount(batch);
    ProcessedBatches.Reader reader = context.store().processedBatches().reader(batch);
    Optional<Rows> whole =
        read == blocks ? Optional.of(reader.read(0, batch.rows())) : Optional.empty();
    return IntStream.range(0, read)
        .map(i -> (int) ((long) i * blocks / read) * BLOCK_ROWS)
        .mapToObj(
            first -> {
              int end = Math.min(batch.rows(), first + BLOCK_ROWS);
              return new Block(
                  first,
                  whole
                      .map(rows -> rows.range(first, end))
                      .orElseGet(() -> reader.read(first, end)));
            });
  }
}
