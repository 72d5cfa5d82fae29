package retune.steps.retraining;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.judgement.DayLabels;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.Name;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.data.RawDay;

@About(
    value =
        "Collects the labelled rows of the last days for a retraining, as one batch. Days whose"
            + " features another preprocessing made are processed again from their raw rows, for"
            + " this batch alone.",
    pipeline = Pipeline.RETRAINING,
    example = "--model credit-default --retraining-id retraining-0123456789ab")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class PrepareTrainingData
    implements Step<PrepareTrainingData.Input, PrepareTrainingData.Output> {
  private static final Logger LOGGER = System.getLogger(PrepareTrainingData.class.getName());
  static final String NAME = "prepare_training_data";

  private static final String DATASET = "retraining";

  /** Chooses rows independently of their parts. */
  private static final long SALT = 0x636f6c6c656374L;

  /** A share of rows is a number of these. */
  private static final long SHARES = 1_000_000;

  public record Input(
      @Field("the model's name") String model,
      @Field("the retraining, as check_retraining_trigger returns it") String retrainingId,
      @Field(
              value =
                  "days whose rows are collected: the last one with labelled rows, and those"
                      + " before",
              byDefault = "30",
              min = 1,
              max = 3650)
          int windowDays,
      @Field(
              value = "most rows, about; of more, each day gives the same share",
              byDefault = "200000",
              min = 100,
              max = 5_000_000)
          int mostRows) {}

  public record Output(
      @Field("the training set, as model/retraining") String dataPath,
      @Field("the retraining") String retrainingId,
      @Field("its labelled rows") int rows,
      @Field("days that have some") int days,
      @Field("the first of them") LocalDate firstDay,
      @Field("the last of them") LocalDate lastDay,
      @Field("days left out, by reason") Map<String, Integer> daysLeftOut) {}

  /**
   * A day whose rows are collected.
   *
   * @param raw its raw rows, where another preprocessing made the stored features
   */
  private record Source(ProcessedBatch stored, @Nullable RawDay raw) {
    String contentHash() {
      return raw == null ? stored.contentHash() : raw.contentHash();
    }

    Iterator<Rows> rows(StepContext context) {
      return raw == null
          ? List.of(context.store().processedBatches().readAll(stored)).iterator()
          : raw.rows();
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    ModelVersion champion =
        new ModelStore(context).get(new Champions(context.store()).get(input.model()).modelId());
    Map<String, Integer> leftOut = new TreeMap<>();
    TrainingSet set =
        TrainingSet.find(context, input.model(), input.retrainingId())
            .orElseGet(
                () ->
                    RetrainingReport.orSay(
                        context,
                        input.model(),
                        input.retrainingId(),
                        NAME,
                        () -> collect(input, context, champion, leftOut)));
    TrainingSet.Day last = set.days().getLast();
    int rows = set.rows();
    LOGGER.log(
        Level.INFO,
        "{0} has {1} labelled rows of {2} days, {3} to {4}.",
        set.dataPath(),
        rows,
        set.days().size(),
        set.days().getFirst().date(),
        last.date());
    return new Output(
        set.dataPath(),
        input.retrainingId(),
        rows,
        set.days().size(),
        set.days().getFirst().date(),
        last.date(),
        leftOut);
  }

  private static TrainingSet collect(
      Input input, StepContext context, ModelVersion champion, Map<String, Integer> leftOut) {
    List<Source> sources = days(input, context, champion, leftOut);
    long trainable =
        sources.stream()
            .mapToLong(day -> context.store().processedBatches().trainable(day.stored))
            .sum();
    double share = Math.min(1, (double) input.mostRows() / trainable);
    String contentHash =
        TrainingSet.contentHash(
            sources.stream().map(Source::contentHash).toList(), input.mostRows());
    String dataPath = TrainingSet.dataPath(input.model(), input.retrainingId());
    List<TrainingSet.Day> days = new ArrayList<>();
    Iterator<Rows> rows =
        sources.stream().flatMap(day -> rows(context, day, share, days).stream()).iterator();
    context
        .store()
        .processedBatches()
        .write(
            new Name(dataPath, contentHash, DATASET),
            rows,
            () ->
                describe(
                    input, context, champion, contentHash, sources.getLast().stored, count(days)),
            false);
    if (days.isEmpty()) {
      // The batch was there already: an earlier try wrote it and was killed before the set.
      sources.forEach(day -> rows(context, day, share, days));
    }
    TrainingSet set = new TrainingSet(input.model(), input.retrainingId(), contentHash, days);
    set.keep(context);
    return TrainingSet.get(context, input.model(), input.retrainingId());
  }

  private static List<Source> days(
      Input input, StepContext context, ModelVersion champion, Map<String, Integer> leftOut) {
    List<ProcessedBatch> labelled =
        context
            .store()
            .processedBatches()
            .between(input.model(), LocalDate.EPOCH, TrainingSet.LAST_DAY)
            .stream()
            .filter(batch -> batch.labelled() > 0)
            .filter(batch -> !DayLabels.areAwaited(context.store(), batch))
            .toList();
    if (labelled.isEmpty()) {
      throw new InvalidInputException(
          "'%s' has no day with labelled rows; run process_data for days with labels first."
              .formatted(input.model()));
    }
    LocalDate first = labelled.getLast().logicalDate().minusDays(input.windowDays() - 1L);
    List<ProcessedBatch> wanted =
        labelled.stream().filter(batch -> !batch.logicalDate().isBefore(first)).toList();
    List<Source> readable =
        wanted.stream().flatMap(batch -> source(context, batch, champion).stream()).toList();
    if (readable.isEmpty()) {
      throw new InvalidInputException(
          "No day since %s was prepared with the preprocessing of '%s', and no raw rows that it reads are in the store; run ingest and process_data for these days again."
              .formatted(first, champion.modelId()));
    }
    if (readable.size() < wanted.size()) {
      leftOut.put(
          "another preprocessing made the features, and no raw rows that the version reads are in"
              + " the store",
          wanted.size() - readable.size());
    }
    LOGGER.log(
        Level.INFO,
        "{0} of {1} days are processed again from their raw rows.",
        readable.stream().filter(day -> day.raw != null).count(),
        readable.size());
    return readable;
  }

  /** Empty where the day's rows cannot be had as the champion reads them. */
  private static Optional<Source> source(
      StepContext context, ProcessedBatch stored, ModelVersion champion) {
    return stored.preprocessingHash().equals(champion.preprocessing().hash())
        ? Optional.of(new Source(stored, null))
        : RawDay.find(context, stored.batchId(), champion).map(raw -> new Source(stored, raw));
  }

  /** The day's labelled rows, or the given share of them; notes which rows of the set they are. */
  private static List<Rows> rows(
      StepContext context, Source day, double share, List<TrainingSet.Day> days) {
    List<Rows> kept = new ArrayList<>();
    day.rows(context).forEachRemaining(chunk -> kept.add(labelled(chunk, share)));
    days.add(
        new TrainingSet.Day(
            day.stored.logicalDate(),
            day.contentHash(),
            count(days),
            kept.stream().mapToInt(rows -> rows.labels().length).sum(),
            day.stored.labelled()));
    return kept;
  }

  private static Rows labelled(Rows all, double share) {
    int[] labels = all.trainingLabels();
    long limit = (long) Math.ceil(share * SHARES);
    return all.select(
        IntStream.range(0, labels.length)
            .filter(row -> labels[row] != Target.UNLABELLED)
            .filter(
                row ->
                    Long.remainderUnsigned(Hashing.mix(all.rowHashes()[row] ^ SALT), SHARES)
                        < limit)
            .toArray());
  }

  private static int count(List<TrainingSet.Day> days) {
    return days.stream().mapToInt(TrainingSet.Day::rows).sum();
  }

  private static ProcessedBatch describe(
      Input input,
      StepContext context,
      ModelVersion champion,
      String contentHash,
      ProcessedBatch last,
      int rows) {
    return new ProcessedBatch(
        TrainingSet.dataPath(input.model(), input.retrainingId()),
        input.model(),
        last.logicalDate(),
        DATASET,
        context.run().runId(),
        contentHash,
        Hashing.sha256("raw " + contentHash),
        champion.preprocessing().hash(),
        champion.preprocessing().schema(),
        rows,
        rows,
        rows,
        Map.of(),
        Map.of());
  }
}
