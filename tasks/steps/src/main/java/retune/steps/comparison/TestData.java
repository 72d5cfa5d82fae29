package retune.steps.comparison;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.DataSplit;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.RawBatches.RawBatch;
import retune.steps.data.LabelsOfDay;

/** Rows with labels as they were collected, before any preprocessing. */
sealed interface TestData {
  /** The rows as the version's table was written. */
  Table rows(ModelVersion version);

  /** The path of the file or the id of the batch. */
  String name();

  /** SHA-256 of the content. */
  String contentHash();

  /** The rows that a training of the version, or of one that it was made from, may have seen. */
  boolean[] seenRows(ModelVersion version, boolean isRegistered, Table rows);

  /**
   * The batch as the version reads it; empty for a file, or where the store has not prepared it.
   */
  default Optional<ProcessedBatch> processed(ModelVersion version) {
    return Optional.empty();
  }

  /** The file of that path, or else the batch of that id. */
  static TestData of(String name, StepContext context) throws IOException {
    Path file = Path.of(name);
    if (Files.isRegularFile(file)) {
      return new OfFile(context, file, Hashing.sha256(Files.readAllBytes(file)));
    }
    Optional<RawBatch> batch =
        name.matches("[^/]+/\\d{4}-\\d{2}-\\d{2}")
            ? context.store().rawBatches().find(name)
            : Optional.empty();
    return batch
        .map(found -> new OfBatch(context, found))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is neither a file nor a batch '"
                        + name
                        + "'. Give the path of a CSV file, or a batch of the store as"
                        + " model/date."));
  }

  /** What the version was trained on, with its ancestors where they are known. */
  private static Set<String> trainedOn(
      StepContext context, ModelVersion version, boolean isRegistered) {
    return isRegistered
        ? new ModelStore(context.store()).trainedOn(version)
        : Set.copyOf(version.lineage().contents());
  }

  /** A CSV file with a header. */
  record OfFile(StepContext context, Path file, String contentHash) implements TestData {
    @Override
    public Table rows(ModelVersion version) {
      return CsvTables.readAll(file, CsvOptions.as(version.preprocessing().notation()));
    }

    @Override
    public String name() {
      return file.toString();
    }

    @Override
    public boolean[] seenRows(ModelVersion version, boolean isRegistered, Table rows) {
      if (trainedOn(context, version, isRegistered).contains(contentHash)) {
        throw new InvalidInputException(
            "'%s' was trained on '%s', or was made from a version that was. Compare on rows that neither version has seen."
                .formatted(version.modelId(), file));
      }
      return new boolean[rows.rows()];
    }
  }

  /** A batch of the store. */
  record OfBatch(StepContext context, RawBatch batch) implements TestData {
    @Override
    public Table rows(ModelVersion version) {
      List<Table> chunks = new ArrayList<>();
      Iterator<Table> stored = context.store().rawBatches().read(batch);
      stored.forEachRemaining(chunks::add);
      return LabelsOfDay.of(context, batch).in(Table.joined(chunks), version);
    }

    @Override
    public String name() {
      return batch.batchId();
    }

    @Override
    public String contentHash() {
      String stamp = LabelsOfDay.of(context, batch).stamp();
      return stamp.isEmpty()
          ? batch.contentHash()
          : Hashing.sha256(batch.contentHash() + "\n" + stamp);
    }

    @Override
    public Optional<ProcessedBatch> processed(ModelVersion version) {
      return context
          .store()
          .processedBatches()
          .find(batch.batchId())
          .filter(found -> found.preprocessingHash().equals(version.preprocessing().hash()));
    }

    /** Rows are known by their hashes, which a version with other preprocessing does not share. */
    @Override
    public boolean[] seenRows(ModelVersion version, boolean isRegistered, Table rows) {
      boolean[] seen = new boolean[rows.rows()];
      Optional<ProcessedBatch> processed = processed(version);
      if (processed.isEmpty()) {
        return seen;
      }
      boolean[] seenProcessed =
          DataSplit.seenRows(context, processed.get(), trainedOn(context, version, isRegistered));
      long[] hashes = context.store().processedBatches().readAll(processed.get()).rowHashes();
      Set<Long> seenHashes = new HashSet<>();
      for (int row = 0; row < hashes.length; row++) {
        if (seenProcessed[row]) {
          seenHashes.add(hashes[row]);
        }
      }
      long[] ofRows =
          Hashing.rows(rows, version.preprocessing().rawColumns().stream().sorted().toList());
      for (int row = 0; row < seen.length; row++) {
        seen[row] = seenHashes.contains(ofRows[row]);
      }
      return seen;
    }
  }
}
