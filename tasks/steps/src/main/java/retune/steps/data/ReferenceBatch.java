package retune.steps.data;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.distribution.Drill;
import retune.core.distribution.TableSampler;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;
import retune.runtime.store.ProcessedBatches;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Written;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * Stores a model's reference: labelled rows that no training has seen, on which every candidate is
 * compared with the champion, whatever the day brings. They are the hold-out of the table that the
 * first version was trained on, or rows drawn from the distribution that was learned from it. The
 * reference is a processed batch, {@link Batch#referenceId}, of at most {@value
 * ModelFolder#MOST_REFERENCE_ROWS} rows.
 */
public final class ReferenceBatch {
  private static final Logger LOGGER = System.getLogger(ReferenceBatch.class.getName());

  private static final String HOLDOUT = "holdout";
  private static final String SYNTHETIC = "synthetic";

  /** A day that no loop judges, so that its rows are not those of any day. */
  private static final LocalDate NO_DAY = LocalDate.EPOCH;

  private ReferenceBatch() {}

  /**
   * The reference that a model has now.
   *
   * @param rows their number; 0 without a reference
   * @param changed whether it was stored just now
   */
  public record Stored(int rows, boolean changed) {}

  /**
   * Makes these rows the reference of the version's model; at most {@value
   * ModelFolder#MOST_REFERENCE_ROWS} of those with a label are kept, evenly spread. The same rows
   * change nothing.
   *
   * @param rows raw rows with the target
   * @throws InvalidInputException if no row has a label, or the version cannot read the rows
   */
  public static Stored put(StepContext context, ModelVersion version, Table rows) {
    return put(context, version, rows, HOLDOUT);
  }

  /**
   * Stores the reference that came with a model's folder, if there is one and the version is the
   * champion; see {@link #complete} otherwise.
   */
  public static Stored register(StepContext context, ModelVersion version, Path folder) {
    Path file = folder.resolve(ModelFolder.REFERENCE);
    boolean isChampion =
        new Champions(context.store())
            .find(version.modelName())
            .filter(champion -> champion.modelId().equals(version.modelId()))
            .isPresent();
    if (!isChampion || !Files.isRegularFile(file)) {
      return complete(context, version.modelName());
    }
    try {
      CsvOptions options = CsvOptions.as(version.preprocessing().notation());
      return put(context, version, CsvTables.readAll(file, options));
    } catch (InvalidInputException e) {
      throw new InvalidInputException(
          "The reference rows %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  /**
   * Draws the reference from the model's distribution, where the model has a champion and a
   * distribution but no reference that the champion can read.
   */
  public static Stored complete(StepContext context, String model) {
    Optional<ModelVersion> champion =
        new Champions(context.store())
            .find(model)
            .flatMap(pointer -> new ModelStore(context).find(pointer.modelId()));
    Optional<ProcessedBatch> stored =
        context.store().processedBatches().find(Batch.referenceId(model));
    boolean isReadable =
        stored.filter(batch -> champion.isEmpty() || isReadBy(champion.get(), batch)).isPresent();
    DistributionStore distributions = new DistributionStore(context.store());
    if (isReadable || champion.isEmpty() || !distributions.has(model)) {
      return new Stored(isReadable ? stored.map(ProcessedBatch::labelled).orElse(0) : 0, false);
    }
    try {
      Table rows =
          new TableSampler(distributions.get(model), 0, NO_DAY, Drill.NONE)
              .table(ModelFolder.MOST_REFERENCE_ROWS);
      return put(context, champion.get(), rows, SYNTHETIC);
    } catch (InvalidInputException unreadable) {
      LOGGER.log(
          Level.WARNING,
          "{0} gets no reference rows from its distribution: {1}",
          model,
          unreadable.getMessage());
      return new Stored(0, false);
    }
  }

  private static boolean isReadBy(ModelVersion version, ProcessedBatch batch) {
    return batch.preprocessingHash().equals(version.preprocessing().hash());
  }

  private static Stored put(StepContext context, ModelVersion version, Table given, String source) {
    Table rows = labelled(given, version);
    RawBatch raw =
        new RawBatch(
            Batch.referenceId(version.modelName()),
            version.modelName(),
            LocalDate.parse(
                version.modelVersion().substring(0, 8), DateTimeFormatter.BASIC_ISO_DATE),
            source,
            context.run().runId(),
            contentHash(rows),
            rows.rows());
    Processing processing =
        new Processing(
            version.preprocessing(), version.target(), List.of(rows).iterator(), LabelsOfDay.NONE);
    ProcessedBatches.Name name =
        new ProcessedBatches.Name(
            raw.batchId(),
            Processing.contentHash(
                raw, version.preprocessing(), version.target(), LabelsOfDay.NONE),
            source);
    Written written =
        context
            .store()
            .processedBatches()
            .write(name, processing, () -> processing.describe(raw, raw.runId()), false);
    int count = written.batch().labelled();
    LOGGER.log(
        Level.INFO, "''{0}'' has {1} reference rows ({2}).", version.modelName(), count, source);
    return new Stored(count, written.changed());
  }

  /** The rows that a person labelled, up to the limit. */
  private static Table labelled(Table rows, ModelVersion version) {
    String target = version.target().column();
    Column labels = rows.column(target);
    Optional<LabelSource> source = LabelSource.of(rows, version.preprocessing());
    int[] labelled =
        IntStream.range(0, rows.rows())
            .filter(row -> !labels.isMissing(row))
            .filter(row -> source.isEmpty() || !source.get().isModel(row))
            .toArray();
    if (labelled.length == 0) {
      throw new InvalidInputException(
          "No row has a value of '%s' that a person gave; label some rows.".formatted(target));
    }
    int most = Math.min(labelled.length, ModelFolder.MOST_REFERENCE_ROWS);
    return rows.select(
        IntStream.range(0, most)
            .map(i -> labelled[(int) ((long) i * labelled.length / most)])
            .toArray());
  }

  /** Hash of column names and rows, in this order. */
  private static String contentHash(Table rows) {
    long[] hashes = Hashing.rows(rows, rows.names());
    ByteBuffer bytes = ByteBuffer.allocate(hashes.length * Long.BYTES);
    bytes.asLongBuffer().put(hashes);
    return Hashing.sha256(String.join("\n", rows.names()) + "\n" + Hashing.sha256(bytes.array()));
  }
}
