package retune.steps.authoring;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.QualityReport;
import retune.core.distribution.TableDistribution;
import retune.core.preprocessing.CategoricalColumn;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.PreprocessingFitter;
import retune.model.AtomicFile;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Json;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;
import retune.steps.data.DistributionFile;
import retune.steps.data.DistributionStore;

@About(
    value =
        "Learns the distribution of a table, from which similar rows can be generated, and measures"
            + " how similar generated rows are to real ones.",
    pipeline = Pipeline.AUTHORING,
    example =
        "--model credit-default --data uci_credit.csv --target default --positive 1 --exclude ID"
            + " --output distribution.json")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class LearnDistribution
    implements Step<LearnDistribution.Input, LearnDistribution.Output> {
  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("CSV file of the table, with a header") String data,
      @Field("column that the model predicts") String target,
      @Field("positive class, whose probability is the score; required for two classes")
          @Nullable String positive,
      @Field("columns to exclude, such as identifiers") List<String> exclude,
      @Field("JSON file to write the distribution to") @Nullable String output,
      @Field("JSON file to write the similarity of each column and pair of columns to")
          @Nullable String report,
      @Field(value = "also register it as the model's distribution", byDefault = "false")
          boolean register,
      @Field(value = "random seed of the generated rows in the comparison", byDefault = "0")
          int seed) {}

  public record Output(
      @Field("number of columns learned, including the target") int columns,
      @Field("number of rows learned from") long rows,
      @Field("mean of column_shapes and pair_trends, 0 to 1, as SDMetrics defines it")
          double qualityScore,
      @Field("similarity of single columns, 0 to 1") double columnShapes,
      @Field("similarity of column pairs, 0 to 1; null if no pair is correlated in the table")
          @Nullable Double pairTrends,
      @Field("SHA-256 of the table") String sourceHash,
      @Field("whether the store changed") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path file = Path.of(input.data());
    Table table = CsvTables.readAll(file, CsvOptions.DETECT);
    input.exclude().forEach(table::column);
    Table rows = table.without(Set.copyOf(input.exclude()));
    Target target = Target.of(rows.column(input.target()), input.positive());
    LearnedTable learned =
        LearnedTable.of(
            rows,
            target,
            categorical(rows, input.target()),
            Hashing.sha256(Files.readAllBytes(file)),
            input.seed());
    TableDistribution distribution = learned.distribution();
    QualityReport quality = learned.quality();
    if (input.output() != null) {
      DistributionFile.write(distribution, Path.of(input.output()));
    }
    if (input.report() != null) {
      AtomicFile.write(Path.of(input.report()), Json.MAPPER.writeValueAsBytes(quality));
    }
    boolean changed =
        input.register() && new DistributionStore(context.store()).put(input.model(), distribution);
    return new Output(
        rows.columns().size(),
        distribution.rows(),
        quality.overall(),
        quality.columnShapes(),
        Double.isNaN(quality.pairTrends()) ? null : quality.pairTrends(),
        distribution.sourceHash(),
        changed);
  }

  /** The columns that preprocessing treats as categories, and the target. */
  private static Set<String> categorical(Table rows, String target) {
    Set<String> categorical = new HashSet<>(Set.of(target));
    PreprocessingFitter.fit(rows, FitOptions.excluding(target)).categorical().stream()
        .map(CategoricalColumn::name)
        .forEach(categorical::add);
    return categorical;
  }
}
