package retune.steps.retraining;

import java.time.LocalDate;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.model.batch.CollectedDays;
import retune.model.batch.DataSplit;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The labelled rows that a retraining collects from the last days, as one processed batch under
 * {@code MODEL/RETRAINING}. The collection {@code training_sets} says which rows are of which day.
 *
 * @param days in the order of their rows
 */
record TrainingSet(String model, String retrainingId, String contentHash, List<Day> days) {
  /** After every day that a batch can have. */
  static final LocalDate LAST_DAY = LocalDate.of(9999, 12, 31);

  private static final String COLLECTION = CollectedDays.COLLECTION;

  /**
   * The rows of a day.
   *
   * @param contentHash the day's content
   * @param first position of its first row in the set
   * @param labelled rows of the day that people had labelled, in the set or not
   */
  record Day(LocalDate date, String contentHash, int first, int rows, int labelled) {
    private Document toDocument() {
      return new Document("logical_date", date.toString())
          .append("content_hash", contentHash)
          .append("first", first)
          .append("rows", rows)
          .append("labelled", labelled);
    }

    private static Day of(Document document) {
      return new Day(
          LocalDate.parse(document.getString("logical_date")),
          document.getString("content_hash"),
          document.getInteger("first"),
          document.getInteger("rows"),
          // Sets of the first versions have all labelled rows of their days.
          document.getInteger("labelled", document.getInteger("rows")));
    }
  }

  /** Identifies the content of a set of these days. */
  static String contentHash(List<String> contentsOfDays, int mostRows) {
    return Hashing.sha256(
        "training set of at most %d rows of %s".formatted(mostRows, contentsOfDays));
  }

  static String dataPath(String model, String retrainingId) {
    return model + "/" + retrainingId;
  }

  /** The set of a retraining; an {@link InvalidInputException} where it has none. */
  static TrainingSet get(StepContext context, String model, String retrainingId) {
    return find(context, model, retrainingId)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' has no training set; run prepare_training_data for it first."
                        .formatted(retrainingId)));
  }

  static Optional<TrainingSet> find(StepContext context, String model, String retrainingId) {
    return context
        .store()
        .events()
        .find(COLLECTION, dataPath(model, retrainingId))
        .map(
            document ->
                new TrainingSet(
                    model,
                    retrainingId,
                    document.getString("content_hash"),
                    document.getList("days", Document.class).stream().map(Day::of).toList()));
  }

  /** Keeps the set, after its batch. */
  void keep(StepContext context) {
    context
        .store()
        .events()
        .append(
            COLLECTION,
            dataPath(),
            new Document("model", model)
                .append("retraining_id", retrainingId)
                .append("content_hash", contentHash)
                .append("days", days.stream().map(Day::toDocument).toList()));
  }

  String dataPath() {
    return dataPath(model, retrainingId);
  }

  int rows() {
    return days.getLast().first + days.getLast().rows;
  }

  /** The last day that has a row in the set. */
  LocalDate lastDay() {
    return days.getLast().date;
  }

  String dayPath(Day day) {
    return model + "/" + day.date;
  }

  /** The rows among these whose day is none of those dates. */
  int[] without(int[] rows, Set<LocalDate> dates) {
    boolean[] left = new boolean[rows()];
    for (Day day : days) {
      Arrays.fill(left, day.first, day.first + day.rows, !dates.contains(day.date));
    }
    return Arrays.stream(rows).filter(row -> left[row]).toArray();
  }

  /**
   * The rows among these that no training on one of the contents has seen.
   *
   * @param rowHashes of all rows of the set
   * @param trainedOn content hashes of batches, see {@link
   *     retune.model.ModelVersion.Lineage#contents}
   */
  int[] unseen(StepContext context, int[] rows, long[] rowHashes, Set<String> trainedOn) {
    boolean[] seen = new boolean[rowHashes.length];
    for (Day day : days) {
      Optional<ProcessedBatch> batch = context.store().processedBatches().find(dayPath(day));
      if (batch.isEmpty() || !DataSplit.isDayOf(context, batch.get(), trainedOn)) {
        continue;
      }
      boolean[] seenOfDay = DataSplit.seenRows(context, batch.get(), trainedOn);
      long[] hashes = context.store().processedBatches().readAll(batch.get()).rowHashes();
      Set<Long> seenHashes = new HashSet<>();
      for (int row = 0; row < hashes.length; row++) {
        if (seenOfDay[row]) {
          seenHashes.add(hashes[row]);
        }
      }
      for (int row = day.first; row < day.first + day.rows; row++) {
        seen[row] = seenHashes.contains(rowHashes[row]);
      }
    }
    return Arrays.stream(rows).filter(row -> !seen[row]).toArray();
  }
}
