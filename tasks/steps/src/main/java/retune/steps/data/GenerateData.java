package retune.steps.data;

import com.google.auto.service.AutoService;
import java.time.LocalDate;
import java.util.Locale;
import retune.core.distribution.Drill;
import retune.core.distribution.TableDistribution;
import retune.core.distribution.TableSampler;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.RawBatches;
import retune.runtime.store.RawBatches.RawBatch;
import retune.runtime.store.RawBatches.Written;

@About(
    value =
        "Generates a day's raw rows from the model's learned distribution. The same date and seed"
            + " give the same rows. A drill puts a fault into them, to see that it is noticed.",
    pipeline = Pipeline.DATA,
    example = "--model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class GenerateData implements Step<GenerateData.Input, GenerateData.Output> {
  private static final String DATASET = "synthetic";

  public record Input(
      @Field("the model's name") String model,
      @Field("the day that the rows are for") LocalDate logicalDate,
      @Field(value = "rows to generate", byDefault = "10000", min = 1) int rows,
      @Field(value = "another seed gives other rows for the same date", byDefault = "0") int seed,
      @Field(
              value =
                  "what goes wrong: feature values move (covariate_drift), labels follow other"
                      + " features (concept_drift), labels are random (label_noise), values vanish"
                      + " (missing_burst)",
              byDefault = "none")
          Drill.Kind drill,
      @Field(
              value = "how much goes wrong, from 0 (nothing) to 1",
              byDefault = "0.5",
              min = 0,
              max = 1)
          double drillStrength,
      @Field(
              value =
                  "a batch of up to so many rows is also kept as a document a row, for people's"
                      + " queries; 0 for none",
              byDefault = "" + RawBatches.ROW_DOCUMENTS_UP_TO,
              min = 0)
          int rowDocumentsUpTo) {}

  public record Output(
      @Field("the raw batch: model/date") String dataPath,
      @Field("the day that the rows are for") LocalDate logicalDate,
      @Field("synthetic, with the drill and its strength where there is one") String datasetName,
      @Field("rows of the batch") int rows,
      @Field("names the rows: the same rows have the same") String contentHash,
      @Field("false where the same rows were there already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) {
    TableDistribution distribution = new DistributionStore(context.store()).get(input.model());
    Drill drill = new Drill(input.drill(), input.drillStrength());
    TableSampler sampler = new TableSampler(distribution, input.seed(), input.logicalDate(), drill);
    Written written =
        context
            .store()
            .rawBatches()
            .write(
                input.model(),
                input.logicalDate(),
                datasetName(drill),
                context.run().runId(),
                Reported.rows(sampler.rows(input.rows()), input.rows(), context),
                input.rowDocumentsUpTo());
    RawBatch batch = written.batch();
    return new Output(
        batch.batchId(),
        batch.logicalDate(),
        batch.datasetName(),
        batch.rows(),
        batch.contentHash(),
        written.changed());
  }

  private static String datasetName(Drill drill) {
    return drill.kind() == Drill.Kind.NONE
        ? DATASET
        : DATASET + "/" + drill.kind().name().toLowerCase(Locale.ROOT) + "/" + drill.strength();
  }
}
