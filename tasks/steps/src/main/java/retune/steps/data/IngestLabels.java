package retune.steps.data;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.Provenance;
import retune.runtime.store.RawBatches.RawBatch;

@About(
    value =
        "Takes labels that come after their rows, from a CSV file, a web address or the feedback of"
            + " callers, and finds the rows by their key in the days that were stored with one. A"
            + " later label of a row corrects an earlier one, which stays on record. The same file"
            + " again changes nothing. Ends with exit code 20 while the file does not exist yet.",
    pipeline = Pipeline.DATA,
    example = "--model credit-default --data /data/labels.csv")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class IngestLabels implements Step<IngestLabels.Input, IngestLabels.Output> {
  private static final Logger LOGGER = System.getLogger(IngestLabels.class.getName());

  /** Stands for what callers sent to the prediction service, in place of a file. */
  private static final String FEEDBACK = "feedback";

  private static final int BUFFER = 1 << 16;

  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field(
              "path or http(s) address of a CSV file with a header, with a column for the key and"
                  + " one for the label; {RETUNE_DATA_…} inserts a secret from the environment;"
                  + " 'feedback' takes what callers sent to the prediction service")
          String data,
      @Field("column of the file with the rows' keys; the name of the rows' own by default")
          @Nullable String key,
      @Field("column of the file with the labels; the name of the model's own by default")
          @Nullable String label,
      @Field("replaces {date} in data") @Nullable LocalDate logicalDate) {}

  /** What the labels of a file do to one day. */
  public record Day(
      @Field("the day") LocalDate logicalDate,
      @Field("its rows that the model reads") int rows,
      @Field("those that have a label now") int labelled,
      @Field("their share, 0 to 1") double share,
      @Field("days since then, UTC") long ageDays,
      @Field("labels of rows that had none") int newLabels,
      @Field("labels that were known already") int same,
      @Field("labels of rows that had another one") int corrected) {}

  public record Output(
      @Field("hash of the file") String contentHash,
      @Field("false if no label is new or another one") boolean changed,
      @Field("rows of the file") int rows,
      @Field("labels of rows that had none") int newLabels,
      @Field("labels that were known already") int same,
      @Field("labels of rows that had another one, which stays on record") int corrected,
      @Field("labels that the same file brought earlier, and that later files have corrected")
          int superseded,
      @Field("keys that no day has") int unknownKeys,
      @Field("keys that several days have; their labels are not taken") int ambiguousKeys,
      @Field("keys with two labels in the file; neither is taken") int contradicting,
      @Field("labels that are no class of the model; not taken") int unknownClasses,
      @Field("rows of the file without a label") int empty,
      @Field("labels of rows that preprocessing leaves out; kept, but without effect") int filtered,
      @Field("the first few of what was not taken, by reason") Map<String, List<String>> examples,
      @Field("the days that the file has labels of") List<Day> days,
      @Field("what happened, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Instant readAt = context.clock().instant();
    ModelVersion champion =
        new ModelStore(context).get(new Champions(context.store()).get(input.model()).modelId());
    List<RawBatch> batches = context.store().rawBatches().keyed(input.model());
    if (input.data().equals(FEEDBACK)) {
      LabelFile labels = FeedbackLabels.read(context, input.model(), champion.target());
      Output output = take(input, labels, FEEDBACK, readAt, batches, champion, context);
      LOGGER.log(Level.INFO, output.message());
      return output;
    }
    String key = key(input, batches);
    String label = input.label() == null ? champion.target().column() : input.label();
    try (DayFile file = DayFile.open(DataSecrets.fill(place(input), context.settings()))) {
      try {
        CsvOptions options = CsvOptions.as(champion.preprocessing().notation());
        LabelFile labels =
            LabelFile.read(
                file, hash(file.path()), key, label, champion.target(), options, context);
        Output output = take(input, labels, file.name(), readAt, batches, champion, context);
        LOGGER.log(Level.INFO, output.message());
        return output;
      } catch (InvalidInputException e) {
        throw file.named(e);
      }
    }
  }

  private static String place(Input input) {
    if (input.logicalDate() != null) {
      return input.data().replace("{date}", input.logicalDate().toString());
    }
    if (input.data().contains("{date}")) {
      throw new InvalidInputException("'data' has {date}; say which day with 'logical_date'.");
    }
    return input.data();
  }

  private static String key(Input input, List<RawBatch> batches) {
    if (batches.isEmpty()) {
      throw new InvalidInputException(
          "No day of '%s' has rows with keys; ingest rows with 'key' first, the column that names each row."
              .formatted(input.model()));
    }
    return input.key() != null ? input.key() : String.valueOf(batches.getLast().key());
  }

  private static String hash(Path file) throws IOException {
    MessageDigest digest = Hashing.sha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      byte[] buffer = new byte[BUFFER];
      while (in.read(buffer) >= 0) {
        // Reading is all it takes.
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static Output take(
      Input input,
      LabelFile file,
      String source,
      Instant readAt,
      List<RawBatch> batches,
      ModelVersion champion,
      StepContext context) {
    KeyedDays days =
        KeyedDays.find(
            context, file.byKey().isEmpty() ? List.of() : batches, file.byKey().keySet());
    LateLabels store = context.store().lateLabels();
    while (true) {
      List<Arrival> arrivals = store.arrivals(input.model());
      String token = LateLabels.token(arrivals, file.contentHash());
      List<LabelledDay> labelled = new ArrayList<>();
      for (Map.Entry<RawBatch, Set<String>> day : days.byDay().entrySet()) {
        labelled.add(
            LabelledDay.of(context, champion, day.getKey(), day.getValue(), file, arrivals));
      }
      boolean changed = labelled.stream().anyMatch(day -> day.counts().changes());
      Output output = output(file, days, labelled, changed, context);
      if (!changed) {
        return output;
      }
      List<LateLabels.Day> written = new ArrayList<>();
      for (LabelledDay day : labelled) {
        LateLabels.Day counts = day.counts();
        int parts = store.write(input.model(), counts.date(), token, day.taken());
        written.add(
            new LateLabels.Day(
                counts.date(),
                counts.rows(),
                counts.labelled(),
                counts.fresh(),
                counts.same(),
                counts.corrected(),
                parts));
      }
      Document about =
          new Document("source", source)
              .append(LateLabels.READ_AT, readAt.toString())
              .append("rows", file.rows())
              .append("unknown_keys", output.unknownKeys())
              .append("unknown_classes", output.unknownClasses())
              .append("contradicting", output.contradicting());
      about.putAll(Provenance.of(context));
      int number = arrivals.isEmpty() ? 1 : arrivals.getLast().number() + 1;
      if (store.publish(input.model(), number, file.contentHash(), token, written, about)) {
        return output;
      }
      // Another file was first: what is new and what is a correction is counted after it.
    }
  }

  private static Output output(
      LabelFile file,
      KeyedDays days,
      List<LabelledDay> labelled,
      boolean changed,
      StepContext context) {
    LocalDate today = LocalDate.ofInstant(context.clock().instant(), ZoneOffset.UTC);
    List<Day> told =
        labelled.stream()
            .map(LabelledDay::counts)
            .map(
                day ->
                    new Day(
                        day.date(),
                        day.rows(),
                        day.labelled(),
                        day.rows() == 0 ? 0 : (double) day.labelled() / day.rows(),
                        ChronoUnit.DAYS.between(day.date(), today),
                        day.fresh(),
                        day.same(),
                        day.corrected()))
            .toList();
    int fresh = told.stream().mapToInt(Day::newLabels).sum();
    int corrected = told.stream().mapToInt(Day::corrected).sum();
    int superseded = labelled.stream().mapToInt(LabelledDay::superseded).sum();
    LabelFile.Doubtful filtered =
        LabelFile.Doubtful.of(labelled.stream().flatMap(day -> day.filtered().stream()).toList());
    LabelFile.Doubtful unknown = LabelFile.Doubtful.of(days.unknown());
    LabelFile.Doubtful ambiguous = LabelFile.Doubtful.of(days.ambiguous());
    Map<String, List<String>> examples = new LinkedHashMap<>();
    Map.of(
            "unknown_keys", unknown,
            "ambiguous_keys", ambiguous,
            "contradicting", file.contradicting(),
            "unknown_classes", file.unknownClasses(),
            "filtered", filtered)
        .entrySet()
        .stream()
        .sorted(Map.Entry.comparingByKey())
        .filter(entry -> entry.getValue().count() > 0)
        .forEach(entry -> examples.put(entry.getKey(), entry.getValue().first()));
    return new Output(
        file.contentHash(),
        changed,
        file.rows(),
        fresh,
        told.stream().mapToInt(Day::same).sum(),
        corrected,
        superseded,
        unknown.count(),
        ambiguous.count(),
        file.contradicting().count(),
        file.unknownClasses().count(),
        file.empty(),
        filtered.count(),
        examples,
        told,
        message(file, fresh, corrected, superseded, told.size(), examples));
  }

  private static String message(
      LabelFile file,
      int fresh,
      int corrected,
      int superseded,
      int days,
      Map<String, List<String>> examples) {
    String took =
        "%d rows: %d new labels and %d corrections on %d days."
            .formatted(file.rows(), fresh, corrected, days);
    String kept =
        superseded == 0
            ? ""
            : " The file came before; %d of its labels were corrected since and stay so."
                .formatted(superseded);
    String left =
        examples.isEmpty()
            ? ""
            : " Without effect: "
                + examples.entrySet().stream()
                    .map(
                        entry ->
                            entry.getKey().replace('_', ' ')
                                + " such as "
                                + String.join(", ", entry.getValue()))
                    .collect(Collectors.joining("; "))
                + ".";
    return took + kept + left;
  }
}
