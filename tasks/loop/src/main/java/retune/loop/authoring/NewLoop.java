package retune.loop.authoring;

import com.google.auto.service.AutoService;
import java.io.File;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.model.AtomicFile;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.TextPage;
import retune.runtime.csv.CsvOptions;

@About(
    value =
        "Makes a loop from a table with labels: detects the kind of each column, learns their"
            + " distribution, trains a pre-trained network and boosted trees, takes the better one"
            + " on validation rows as the first champion, proposes a gate, registers all of it, and"
            + " writes a report and the loop file from which Airflow makes the DAGs.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "--data customers.csv --target churned --exclude customer_name")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class NewLoop implements Step<NewLoop.Input, NewLoop.Output> {
  private static final Logger LOGGER = System.getLogger(NewLoop.class.getName());
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  public record Input(
      @Field("the table: a file of delimited text with a header") String data,
      @Field("the column to predict") String target,
      @Field("column of texts; the model then reads this column alone, word by word")
          @Nullable String text,
      @Field(
              "class whose probability is the score, if there are two; the rarer class if left"
                  + " out")
          @Nullable String positive,
      @Field("name of the loop and its model; made from the file's name if left out")
          @Nullable String name,
      @Field("columns other than the target that the model must not use")
          @Nullable List<String> exclude,
      @Field("YAML file with the kind of each column: an earlier run's columns.yaml, edited")
          @Nullable String columns,
      @Field(
              "words that stand for a missing value in every column; NA, n/a, -, k.A. and the like"
                  + " are always missing among numbers and dates")
          @Nullable List<String> missing,
      @Field("decimal separator of the numbers, point or comma; detected if left out")
          CsvOptions.@Nullable Decimal decimal,
      @Field(
              "order of dates that are not ISO 8601, such as dd/MM/yyyy or MM/dd/yyyy; detected if"
                  + " left out")
          @Nullable String dates,
      @Field(
              "path or http(s) address of each day's real rows, with {date} for the day, or queries"
                  + " for what users ask the prediction service; if left out, days are generated"
                  + " from the table's distribution, and those of texts are drawn from a fifth of"
                  + " the rows, which the first training does not see")
          @Nullable String days,
      @Field(
              value = "largest number of rows to use, spread evenly over the file; all if left out",
              min = 1,
              max = 1_000_000_000)
          @Nullable Integer rows,
      @Field(
              value =
                  "models to train: network (a transformer, pre-trained), trees (boosted by"
                      + " XGBoost, a matter of seconds); of both, the better one on validation rows"
                      + " becomes the champion",
              byDefault = "network,trees")
          List<String> models,
      @Field(
              value =
                  "pre-training epochs of the network; if left out, 5 to 50, more for a table of"
                      + " fewer rows",
              min = 1,
              max = 10_000)
          @Nullable Integer pretrainingEpochs,
      @Field(
              value =
                  "maximum number of the network's training epochs, which stop after 5 without a"
                      + " better validation metric; if left out, rounds of half an epoch and at"
                      + " least 50 steps, at most about 5,000 steps in all, which stop after 8",
              min = 1,
              max = 10_000)
          @Nullable Integer epochs,
      @Field(value = "random seed for splits, initial weights and shuffling", byDefault = "0")
          int seed,
      @Field("folder for columns.yaml and report.html; named after the loop if left out")
          @Nullable String output,
      @Field(
              "folder for the loop file; if left out the first of RETUNE_LOOPS, else the project's"
                  + " airflow/dags/loops")
          @Nullable String loops,
      @Field(
              value = "replace an existing loop of this name, its champion included",
              byDefault = "false")
          boolean replace) {}

  public record Output(
      @Field("name of the loop and its model") String name,
      @Field("the new champion") String modelId,
      @Field("what the champion is: network, trees or text") String family,
      @Field(
              "which of two models is better on the validation rows and by how much, as sentences;"
                  + " absent if one was trained")
          @Nullable String comparison,
      @Field("the model that did not become the champion, registered too; absent if there is none")
          @Nullable String otherModelId,
      @Field("the pre-trained encoder of the network; absent without a network")
          @Nullable String encoderId,
      @Field("rows used for training, validation and hold-out") int rows,
      @Field("the class whose probability is the score; absent for more than two classes")
          @Nullable String positive,
      @Field("columns that the model does not use, with the reason") Map<String, String> leftOut,
      @Field("columns that need a look, with what to do") Map<String, String> doubts,
      @Field("the gate's metric") Metric gateMetric,
      @Field("the gate's threshold") double gateThreshold,
      @Field("how the threshold was found") String gateReason,
      @Field("metrics on the validation rows, by name") Map<String, Double> validationMetrics,
      @Field("metrics on the hold-out rows, by name") Map<String, Double> testMetrics,
      @Field("similarity of generated and real rows, 0 to 1; absent for texts")
          @Nullable Double qualityScore,
      @Field("the file with the kind of each column") String columnsFile,
      @Field("the report") String report,
      @Field("the loop file") String loopFile,
      @Field("what to do next: commands, and sentences that say why") List<String> next,
      @Field("seconds by phase") Map<String, Double> seconds)
      implements Page {
    @Override
    public String text() {
      TextPage page =
          new TextPage()
              .heading("%s, a loop made from %,d rows".formatted(name, rows))
              .line("in production", "%s (%s)".formatted(modelId, family));
      if (comparison != null) {
        page.line("chosen", comparison);
      }
      page.line("gate", "%s at least %s".formatted(gateMetric.id(), gateThreshold))
          .line("why", gateReason);
      if (qualityScore != null) {
        page.line(
            "generated rows",
            String.format(Locale.ROOT, "%.2f of 1 like the real ones", qualityScore));
      }
      table(page, "Metrics on the hold-out", rounded(testMetrics));
      table(page, "Columns to look at", doubts);
      table(page, "Columns that are left out", leftOut);
      page.heading("Files")
          .line("columns", columnsFile)
          .line("report", report)
          .line("loop", loopFile)
          .heading("Next");
      next.forEach(page::verbatim);
      return page.toString();
    }

    private static Map<String, String> rounded(Map<String, Double> metrics) {
      Map<String, String> words = new LinkedHashMap<>();
      metrics.forEach(
          (metric, value) -> words.put(metric, String.format(Locale.ROOT, "%.4f", value)));
      return words;
    }

    private static void table(TextPage page, String title, Map<String, String> rows) {
      if (!rows.isEmpty()) {
        page.heading(title);
        rows.forEach(page::line);
      }
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    String name = name(input, Path.of(input.data()));
    Set<ModelFamily> ofColumns = ModelFamily.of(input.models());
    requireDate(input.days());
    Path loopsFolder = loopsFolder(input, context);
    Path loopFile = loopsFolder.resolve(name + ".yaml");
    requireNew(loopFile, name, input);
    Phases phases = new Phases();
    SourceTable source = phases.timed("reading", () -> SourceTable.read(input));
    Set<ModelFamily> families = source.isText() ? Set.of(ModelFamily.TEXT) : ofColumns;
    Registration registration = new Registration(name, source.hash(), input.replace(), context);
    registration.requireFree();

    FirstModel model = FirstModel.make(name, source, families, input, phases, context);
    Evaluation holdout = Evaluation.of(model.champion().measured().holdout());
    Path folder =
        Files.createDirectories(Path.of(Objects.requireNonNullElse(input.output(), name)));
    Path columnsFile = folder.resolve("columns.yaml");
    Path report = folder.resolve("report.html");
    write(columnsFile, source.kinds().toYaml(source.description()));
    write(report, new LoopReport(name, source, model).toHtml());
    registration.register(
        model, source.heldBack(), source.table().select(model.training().holdout()));
    DaySource days = DaySource.of(input.days(), source.heldBack());
    // The loop file comes last: Airflow acts on it.
    write(
        loopFile,
        new LoopFile(
                name, source.description(), days, model.champion().family(), model.gate(), holdout)
            .toYaml());
    LOGGER.log(Level.INFO, "Seconds by phase: {0}.", phases.seconds());
    return new Output(
        name,
        model.modelId(),
        model.champion().family().id(),
        model.choice() == null ? null : model.choice().sentence(),
        model.choice() == null ? null : model.choice().other().version().modelId(),
        model.encoderId(),
        model.training().labels().length,
        source.target().positive(),
        source.kinds().leftOut(),
        source.kinds().doubts(),
        model.gate().gate().metric(),
        model.gate().gate().threshold(),
        model.gate().reason(),
        model.champion().trained().validation().toMap(),
        holdout.toMap(),
        model.learned() == null ? null : model.learned().quality().overall(),
        columnsFile.toString(),
        report.toString(),
        loopFile.toString(),
        new NextSteps(
                name,
                report,
                loopFile,
                days,
                LocalDate.ofInstant(context.clock().instant(), ZoneOffset.UTC).minusDays(1),
                context.settings())
            .sentences(),
        phases.seconds());
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
          "'%s' cannot be the name of a loop; choose a --name of 1 to 63 lower-case letters, digits and hyphens."
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
                        "No folder for the loop file is known; name one with --loops."));
    if (!Files.isDirectory(Path.of(folder))) {
      throw new InvalidInputException(
          "The folder '%s' for the loop file does not exist; create it, or name another with --loops."
              .formatted(folder));
    }
    return Path.of(folder);
  }

  private static void requireNew(Path loopFile, String name, Input input) {
    if (Files.exists(loopFile) && !input.replace()) {
      throw new InvalidInputException(
          "There is already a loop '%s' (%s); choose another --name, or replace it with --replace."
              .formatted(name, loopFile));
    }
  }

  private static void requireDate(@Nullable String days) {
    if (days != null && !days.equals(DaySource.QUERIES) && !days.contains("{date}")) {
      throw new InvalidInputException(
          "--days is '%s', the same file every day; put {date} where the day stands in its name, or write queries for the query log."
              .formatted(days));
    }
  }

  private static void write(Path file, String text) throws IOException {
    AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
  }
}
