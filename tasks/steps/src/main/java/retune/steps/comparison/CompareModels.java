package retune.steps.comparison;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.Check;
import retune.core.judgement.ComparisonReport;
import retune.core.judgement.Gate;
import retune.core.judgement.PolicyInput;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Rules;
import retune.core.judgement.Slice;
import retune.core.metrics.Metric;
import retune.core.statistics.PairedBootstrap;
import retune.judgement.OrdinaryRows;
import retune.model.AtomicFile;
import retune.model.CodeTrust;
import retune.model.ModelVersion;
import retune.model.VersionChoice;
import retune.report.ComparisonPage;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.YesOrNo;
import retune.steps.comparison.ComparedRows.Side;

@About(
    value =
        "Compares a new model with a baseline on the same labelled rows and says whether it should"
            + " be promoted. Changes nothing. Rows that either was trained on are left out. A new"
            + " model that answers like chance is refused, whatever the policy is.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example =
        "--baseline credit-default --new credit-default-ba9876543210 --test-data test.csv --output"
            + " report.json --html report.html")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class CompareModels implements Step<CompareModels.Input, CompareModels.Output> {
  private static final Logger LOGGER = System.getLogger(CompareModels.class.getName());

  public record Input(
      @Field(
              "the model to beat: a version's id, a model's name (its champion), or a folder or zip"
                  + " with model.json and weights.safetensors")
          String baseline,
      @JsonProperty("new") @Field("the new model, given in the same way") String candidate,
      @Field("rows with labels: a CSV file with a header, or a batch of the store as model/date")
          String testData,
      @Field(value = "the primary metric", byDefault = "f1_macro") Metric metric,
      @Field(
              value = "the least improvement of the primary metric",
              byDefault = "0",
              min = -1,
              max = 1)
          double threshold,
      @Field(
              value = "level of the tests; intervals have a confidence of 1 - alpha",
              byDefault = "0.05",
              min = 0.0001,
              max = 0.5)
          double alpha,
      @Field(
              value =
                  "what decides instead of the threshold and the test, as in a loop file:"
                      + " non_inferior(0.01), slices(COLUMN, 0.05) and latency(1.5)",
              format = Field.Format.POLICY)
          @Nullable String policy,
      @Field(
              value = "resamples of the bootstrap",
              byDefault = "10000",
              min = 1_000,
              max = 1_000_000)
          int resamples,
      @Field(value = "random seed of the bootstrap", byDefault = "0") long seed,
      @Field(
              value =
                  "permit the code of a version that contains TorchScript; it runs with all rights"
                      + " of this process, so give this only for a source that you trust",
              byDefault = "false")
          boolean trustCode,
      @Field("JSON file for the whole report") @Nullable String output,
      @Field("HTML file for the whole report, to read or attach") @Nullable String html) {}

  public record Output(
      @Field("the baseline's id") String baselineId,
      @Field("the new model's id") String newId,
      @Field("the file or batch of the rows") String testData,
      @Field("SHA-256 of the rows") String testDataHash,
      @Field("rows compared") int rows,
      @Field("rows left out, by reason") Map<String, Integer> rowsLeftOut,
      @Field("the baseline's metrics") Map<String, Double> baselineMetrics,
      @Field("the new model's metrics") Map<String, Double> newMetrics,
      @Field(
              "by metric: baseline, new, absolute_improvement, percent_improvement, and its"
                  + " interval (low, high) and p_value by the paired bootstrap")
          Map<String, Map<String, Double>> improvements,
      @Field("the primary metric") String primaryMetric,
      @Field("its improvement") double primaryImprovement,
      @Field("the least improvement") double improvementThreshold,
      @Field("whether the improvement is at least the threshold") boolean meetsThreshold,
      @Field("whether the rows show a difference of the primary metric")
          boolean statisticallySignificant,
      @Field("level of the tests") double alpha,
      @Field("whether the new model should be promoted") boolean shouldPromote,
      @Field("promote, keep, or undecided where the rows are too few") String decision,
      @Field("the reason, as sentences") String promotionReason,
      @Field("the JSON file written") @Nullable String output,
      @Field("the HTML file written") @Nullable String html)
      implements Page, YesOrNo {
    @Override
    public String text() {
      return ComparisonText.of(this);
    }

    @Override
    public boolean yes() {
      return shouldPromote;
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path json = file(input.output());
    Path html = file(input.html());
    PromotionPolicy policy = input.policy() == null ? null : PromotionPolicy.parse(input.policy());
    Side baseline = side(input.baseline(), input, context);
    Side candidate = side(input.candidate(), input, context);
    if (baseline.version().modelId().equals(candidate.version().modelId())) {
      throw new InvalidInputException(
          "--baseline and --new are the same version, %s; give two."
              .formatted(baseline.version().modelId()));
    }
    TestData data = TestData.of(input.testData(), context);
    ComparedRows rows = ComparedRows.of(context, data, baseline, candidate);
    ComparisonReport report =
        ComparisonReport.of(
                new ComparisonReport.Question(
                    input.metric(),
                    input.threshold(),
                    input.alpha(),
                    policy,
                    new PairedBootstrap(input.seed(), input.resamples())),
                rows.baseline(),
                rows.candidate(),
                new PolicyInput(
                    baseline.target().classes(),
                    rows.rows(),
                    policy != null && policy.asksForLatency()
                        ? rows.latency(baseline, candidate)
                        : null))
            .telling(lossesOnOrdinaryRows(data, baseline, candidate, input, context));
    List<Slice> slices =
        Slice.worstFirst(
            input.metric(), rows.rows(), rows.baseline(), rows.candidate(), 1 - input.alpha());
    Output output =
        output(
            report,
            baseline.version().modelId(),
            candidate.version().modelId(),
            data.name(),
            data.contentHash(),
            rows.leftOut(),
            json,
            html);
    LOGGER.log(Level.INFO, report.reason());
    if (json != null) {
      AtomicFile.write(json, ComparisonJson.text(output, report, slices).getBytes(UTF_8));
    }
    if (html != null) {
      String page =
          ComparisonPage.of(
              report,
              slices,
              baseline.target(),
              facts(output, baseline.version(), candidate.version(), context));
      AtomicFile.write(html, page.getBytes(UTF_8));
    }
    return output;
  }

  /**
   * What the new model loses on the reference and on ordinary days, as a loop's verdict tells it;
   * none for a file, for a model of a file, and for models of other features than the batch.
   */
  private static List<Check> lossesOnOrdinaryRows(
      TestData data, Side baseline, Side candidate, Input input, StepContext context) {
    if (!baseline.isRegistered() || !candidate.isRegistered()) {
      return List.of();
    }
    Rules rules = Rules.published(new Gate(input.metric(), 0), 1);
    return data.processed(baseline.version())
        .filter(batch -> data.processed(candidate.version()).isPresent())
        .map(
            batch ->
                OrdinaryRows.losses(
                    context,
                    batch,
                    baseline.version().modelId(),
                    candidate.version().modelId(),
                    rules))
        .orElse(List.of());
  }

  private static @Nullable Path file(@Nullable String name) {
    return name == null ? null : AtomicFile.inFolder(name);
  }

  private static Side side(String name, Input input, StepContext context) throws IOException {
    VersionChoice choice = VersionChoice.named(name, context);
    Side side =
        new Side(choice.load(context, CodeTrust.of(input.trustCode())), choice.modelFile() == null);
    side.version().requireHead();
    return side;
  }

  static Output output(
      ComparisonReport report,
      String baselineId,
      String newId,
      String testData,
      String testDataHash,
      Map<String, Integer> leftOut,
      @Nullable Path json,
      @Nullable Path html) {
    return new Output(
        baselineId,
        newId,
        testData,
        testDataHash,
        report.candidate().rows(),
        leftOut,
        report.metrics(true),
        report.metrics(false),
        report.improvements(),
        report.primary().name(),
        report.primary().improvement(),
        report.question().threshold(),
        report.meetsThreshold(),
        report.significant(),
        report.question().alpha(),
        report.shouldPromote(),
        report.decision().id(),
        report.reason(),
        json == null ? null : json.toString(),
        html == null ? null : html.toString());
  }

  private static String probabilities(ModelVersion baseline, ModelVersion candidate) {
    return "baseline %s, new model %s"
        .formatted(baseline.calibrationWords(), candidate.calibrationWords());
  }

  /** What the page tells beside the report. */
  static Map<String, String> facts(
      Output output, ModelVersion baseline, ModelVersion candidate, StepContext context) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("baseline", output.baselineId());
    facts.put("new model", output.newId());
    facts.put("probabilities", probabilities(baseline, candidate));
    facts.put("rows", "%,d of %s".formatted(output.rows(), output.testData()));
    facts.put("SHA-256 of the rows", output.testDataHash());
    output
        .rowsLeftOut()
        .forEach((reason, rows) -> facts.put("left out: " + reason, "%,d".formatted(rows)));
    facts.put("compared at", context.clock().instant().truncatedTo(ChronoUnit.SECONDS).toString());
    return facts;
  }
}
