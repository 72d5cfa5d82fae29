package retune.loop.authoring;

import com.google.auto.service.AutoService;
import java.io.File;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.GateProposal;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.preprocessing.ColumnType;
import retune.core.split.Part;
import retune.learning.training.Pretraining;
import retune.learning.training.StartingPoint;
import retune.learning.training.Training;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingTable;
import retune.model.AtomicFile;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvSurvey;
import retune.runtime.csv.CsvTables;
import retune.steps.data.DistributionStore;
import retune.steps.authoring.LearnedTable;

@About(
    value =
        "Makes a loop from a table with labels: takes its columns for what they are, learns their"
            + " distribution, pre-trains and trains a model, chooses a gate that the model can"
            + " stand, registers it all, and writes a report and the loop file from which Airflow"
            + " makes the DAGs.",
    pipeline = Pipeline.AUTHORING,
    example = "--data customers.csv --target churned --exclude customer_name")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class NewLoop implements Step<NewLoop.Input, NewLoop.Output> {
  private static final Logger LOGGER = System.getLogger(NewLoop.class.getName());
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  /** A small table is passed over until about so many rows were seen, within limits. */
  private static final int ROWS_LEARNED_FROM = 100_000;

  private static final int MOST_EPOCHS = 50;

  public record Input(
      @Field("the table, a file of delimited text with a header") String data,
      @Field("the column to predict") String target,
      @Field("of two classes the one whose probability is the score; the rarer one if left out")
          @Nullable String positive,
      @Field("the loop's and model's name; made from the file's name if left out")
          @Nullable String name,
      @Field("columns that are no features, beside the target") @Nullable List<String> exclude,
      @Field("YAML file of columns and their kinds, as an earlier run wrote it, with your changes")
          @Nullable String columns,
      @Field(
              value = "most rows to learn from, spread evenly over the file; all if left out",
              min = 1,
              max = 1_000_000_000)
          @Nullable Integer rows,
      @Field(
              value =
                  "passes over the training rows in pre-training; if left out, 5 to 50, the more"
                      + " the fewer rows",
              min = 1,
              max = 10_000)
          @Nullable Integer pretrainingEpochs,
      @Field(
              value =
                  "passes over the training rows in training; if left out, 10 to 50, the more the"
                      + " fewer rows",
              min = 1,
              max = 10_000)
          @Nullable Integer epochs,
      @Field(value = "another seed splits, starts and shuffles otherwise", byDefault = "0")
          int seed,
      @Field("folder for the columns' kinds and the report; the loop's name if left out")
          @Nullable String output,
      @Field(
              "folder for the loop file; if left out the first of RETUNE_LOOPS, else the project's"
                  + " airflow/dags/loops")
          @Nullable String loops,
      @Field(
              value = "whether to put a loop of this name out of its place, its champion included",
              byDefault = "false")
          boolean replace) {}

  public record Output(
      @Field("the loop's and model's name") String name,
      @Field("the version that is the champion now") String modelId,
      @Field("the pre-trained encoder that it was trained from") String encoderId,
      @Field("rows of the table that were learned from, chosen by or judged on") int rows,
      @Field("the class whose probability is the score; absent for more than two classes")
          @Nullable String positive,
      @Field("the gate's metric") Metric gateMetric,
      @Field("the gate's least value") double gateThreshold,
      @Field("why the gate is what it is") String gateReason,
      @Field("metrics on the validation rows, by name") Map<String, Double> validationMetrics,
      @Field("metrics on the hold-out rows, by name") Map<String, Double> testMetrics,
      @Field("how alike generated and real rows are, 0 to 1") double qualityScore,
      @Field("what each column was taken as") String columnsFile,
      @Field("the report") String report,
      @Field("the loop file") String loopFile,
      @Field("seconds by phase") Map<String, Double> seconds) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path file = Path.of(input.data());
    Map<String, Double> seconds = new LinkedHashMap<>();
    String name = name(input, file);
    Path loopFile = loopsFolder(input, context).resolve(name + ".yaml");
    if (Files.exists(loopFile) && !input.replace()) {
      throw new InvalidInputException(
          "There is a loop '%s' already (%s); give another --name, or --replace to put it out of its place."
              .formatted(name, loopFile));
    }

    Table table = timed("reading", seconds, () -> read(file, input.rows()));
    String fileHash = Hashing.sha256(Files.readAllBytes(file));
    Target target = target(table, input);
    requireFree(name, fileHash, input.replace(), context);
    ColumnKinds kinds = kinds(table, target, input);
    TrainingTable training =
        timed(
            "preprocessing",
            seconds,
            () ->
                TrainingTable.of(table, target, kinds.fitOptions(), null, input.seed(), fileHash));

    LearnedTable learned =
        timed("distribution", seconds, () -> learn(table, target, kinds, fileHash, input.seed()));
    ModelFolder.Content encoder =
        timed(
            "pre-training",
            seconds,
            () ->
                Pretraining.byDefault(
                        name, epochs(input.pretrainingEpochs(), 5, training), input.seed())
                    .run(training, context));
    Trained trained =
        timed(
            "training",
            seconds,
            () ->
                Training.byDefault(
                        name, epochs(input.epochs(), 10, training), Metric.F1_MACRO, input.seed())
                    .run(new StartingPoint.Encoder(encoder), training, context));
    Measured measured =
        timed(
            "evaluation",
            seconds,
            () -> Measured.of(trained.content(), training, learned.generated()));
    GateProposal gate = GateProposal.of(measured.validation(), measured.generated());
    LOGGER.log(Level.INFO, gate.reason());

    String source =
        "%s (%d rows, SHA-256 %s)"
            .formatted(file.getFileName(), table.rows(), fileHash.substring(0, 12));
    Evaluation holdout = Evaluation.of(measured.holdout());
    Path folder =
        Files.createDirectories(Path.of(Objects.requireNonNullElse(input.output(), name)));
    Path columnsFile = folder.resolve("columns.yaml");
    Path report = folder.resolve("report.html");
    write(columnsFile, kinds.toYaml(source));
    write(
        report,
        new LoopReport(name, source, kinds, training, learned, encoder, trained, measured, gate)
            .toHtml());
    register(learned, encoder, trained.content(), fileHash, input.replace(), context);
    write(loopFile, new LoopFile(name, source, gate, holdout).toYaml());
    LOGGER.log(Level.INFO, "Seconds by phase: {0}.", seconds);
    return new Output(
        name,
        trained.content().version().modelId(),
        encoder.version().modelId(),
        training.labels().length,
        target.positive(),
        gate.gate().metric(),
        gate.gate().threshold(),
        gate.reason(),
        trained.validation().toMap(),
        holdout.toMap(),
        learned.quality().overall(),
        columnsFile.toString(),
        report.toString(),
        loopFile.toString(),
        seconds);
  }

  private static int epochs(@Nullable Integer stated, int least, TrainingTable training) {
    int rows = Math.max(1, training.features(Part.TRAINING).rows());
    return Objects.requireNonNullElseGet(
        stated, () -> Math.clamp(ROWS_LEARNED_FROM / rows, least, MOST_EPOCHS));
  }

  private static String name(Input input, Path file) {
    String name = input.name();
    if (name == null) {
      name =
          file.getFileName()
              .toString()
              .replaceFirst("\\.[^.]*$", "")
              .toLowerCase(Locale.ROOT)
              .replaceAll("[^a-z0-9]+", "-")
              .replaceAll("^-|-$", "");
    }
    if (!NAME.matcher(name).matches()) {
      throw new InvalidInputException(
          "The name '%s' does not suit a loop; give a --name of 1 to 63 small letters, digits and hyphens."
              .formatted(name));
    }
    return name;
  }

  private static Path loopsFolder(Input input, StepContext context) {
    Optional<String> stated = Optional.ofNullable(input.loops());
    Optional<String> ofUser =
        context
            .settings()
            .find("RETUNE_LOOPS")
            .map(folders -> folders.split(File.pathSeparator, 2)[0]);
    Optional<String> ofProject =
        context.settings().find("RETUNE_HOME").map(home -> home + "/airflow/dags/loops");
    String folder =
        stated
            .or(() -> ofUser)
            .or(() -> ofProject)
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "Nothing says where the loop file goes; give a folder with --loops."));
    if (!Files.isDirectory(Path.of(folder))) {
      throw new InvalidInputException(
          "There is no folder '%s' for the loop file; make it, or name another with --loops."
              .formatted(folder));
    }
    return Path.of(folder);
  }

  private static Table read(Path file, @Nullable Integer most) {
    CsvSurvey survey = CsvTables.survey(file, CsvOptions.DETECT);
    LOGGER.log(Level.INFO, "''{0}'' has {1}", file, survey.description());
    Table table = CsvTables.readAll(file, CsvOptions.DETECT, survey);
    if (most == null || most >= table.rows()) {
      return table;
    }
    LOGGER.log(
        Level.INFO,
        "{0} of {1} rows are used, as asked.",
        most.toString(),
        Integer.toString(table.rows()));
    return table.select(
        IntStream.range(0, most).map(i -> (int) ((long) i * table.rows() / most)).toArray());
  }

  private static Target target(Table table, Input input) {
    if (table.columns().size() == 1) {
      throw new InvalidInputException(
          "'%s' has one column only, '%s'; separate columns by comma, semicolon, tab or |."
              .formatted(input.data(), table.names().getFirst()));
    }
    Column labels = table.column(input.target());
    SortedMap<String, Long> classes = TrainingTable.classes(labels);
    String positive = input.positive();
    if (positive == null && classes.size() == 2) {
      // Of equally frequent ones the later, as 1 is beside 0.
      positive =
          Collections.min(classes.reversed().entrySet(), Map.Entry.<String, Long>comparingByValue())
              .getKey();
      LOGGER.log(
          Level.INFO,
          "The positive class of ''{0}'' is ''{1}'', the rarer one; --positive says otherwise.",
          input.target(),
          positive);
    }
    LOGGER.log(Level.INFO, "Rows by class of ''{0}'': {1}.", input.target(), classes);
    return new Target(input.target(), List.copyOf(classes.keySet()), positive);
  }

  private static ColumnKinds kinds(Table table, Target target, Input input) throws IOException {
    List<String> columns = table.without(Set.of(target.column())).names();
    Map<String, ColumnType> stated =
        ColumnKinds.read(input.columns() == null ? null : Path.of(input.columns()), columns);
    List<String> excluded = new ArrayList<>(Objects.requireNonNullElse(input.exclude(), List.of()));
    excluded.forEach(table::column);
    if (excluded.contains(target.column())) {
      throw new InvalidInputException(
          "'%s' is the target and cannot be excluded as well.".formatted(target.column()));
    }
    stated.forEach(
        (column, type) -> {
          if (type == ColumnType.EXCLUDED && !excluded.contains(column)) {
            excluded.add(column);
          }
        });
    Table trainingRows = TrainingTable.trainingRows(table, target, excluded, input.seed());
    ColumnKinds kinds = ColumnKinds.of(table, trainingRows, excluded, stated);
    kinds
        .kinds()
        .forEach(
            (column, kind) ->
                LOGGER.log(
                    Level.INFO,
                    "''{0}'' is {1}: {2}.",
                    column,
                    ColumnKinds.id(kind.type()),
                    kind.reason()));
    return kinds;
  }

  /** Only what the model reads is learned: an identifier must not come back in generated rows. */
  private static LearnedTable learn(
      Table table, Target target, ColumnKinds kinds, String fileHash, int seed) {
    Set<String> left = new HashSet<>(table.names());
    left.removeAll(kinds.features());
    left.remove(target.column());
    Set<String> categorical = new HashSet<>(kinds.names(ColumnType.CATEGORICAL));
    categorical.add(target.column());
    return LearnedTable.of(table.without(left), target, categorical, fileHash, seed);
  }

  /** Looks before the work begins whether its result could be put in its place. */
  private static void requireFree(
      String name, String fileHash, boolean replace, StepContext context) {
    new Champions(context.store())
        .find(name)
        .filter(champion -> !mayFollow(champion, fileHash, replace, context))
        .ifPresent(
            champion -> {
              throw new InvalidInputException(
                  "The model '%s' has the champion %s already; give another --name, or --replace to put it out of its place."
                      .formatted(name, champion.modelId()));
            });
  }

  /** A champion that was trained on this very table is an earlier run's, which was stopped. */
  private static boolean mayFollow(
      Champion champion, String fileHash, boolean replace, StepContext context) {
    return replace
        || new ModelStore(context.store(), context.clock())
            .find(champion.modelId())
            .filter(version -> version.lineage().trainedOn().equals(fileHash))
            .isPresent();
  }

  /** Versions first, which nobody sees; then what days are made of; then the champion. */
  private static void register(
      LearnedTable learned,
      ModelFolder.Content encoder,
      ModelFolder.Content model,
      String fileHash,
      boolean replace,
      StepContext context) {
    String name = model.version().modelName();
    String modelId = model.version().modelId();
    requireFree(name, fileHash, replace, context);
    ModelStore models = new ModelStore(context.store(), context.clock());
    Champions champions = new Champions(context.store());
    models.register(encoder.version(), encoder.weights(), VersionStatus.CANDIDATE);
    models.register(model.version(), model.weights(), VersionStatus.CANDIDATE);
    new DistributionStore(context.store()).put(name, learned.distribution());
    models.move(modelId, VersionStatus.Event.APPROVE, "Made by new_loop as the champion");
    Optional<Champion> earlier = champions.find(name);
    boolean moved =
        earlier
            .map(
                champion ->
                    champion.modelId().equals(modelId)
                        || champions.promote(champion, modelId, modelId))
            .orElseGet(() -> champions.install(name, modelId));
    if (!moved) {
      throw new InvalidInputException(
          "The champion of '%s' was changed by someone else meanwhile; look at it and run new_loop again."
              .formatted(name));
    }
  }

  private static void write(Path file, String text) throws IOException {
    AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  private static <T> T timed(String phase, Map<String, Double> seconds, Supplier<T> work) {
    long started = System.nanoTime();
    T result = work.get();
    seconds.put(phase, Math.round((System.nanoTime() - started) / 1e7) / 100.0);
    return result;
  }
}
