package retune.steps.data;

import com.google.auto.service.AutoService;
import java.time.LocalDate;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.data.Shard;
import retune.core.data.Table;
import retune.core.distribution.DaySampler;
import retune.core.distribution.Drill;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.NotReadyException;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.RawBatches;
import retune.runtime.store.RawBatches.RawBatch;
import retune.runtime.store.RawBatches.Sharded;
import retune.runtime.store.RawBatches.Written;

@About(
    value =
        "Generates a day's raw rows from the model's learned distribution; texts are drawn from"
            + " those that new_loop held back. The same date and seed give the same rows. A drill"
            + " injects a fault, to rehearse that the loop notices it.",
    pipeline = Pipeline.DATA,
    example = "--model credit-default --logical-date 2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class GenerateData implements Step<GenerateData.Input, GenerateData.Output> {
  private static final String DATASET = "synthetic";

  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field("day of the rows") LocalDate logicalDate,
      @Field(
              value = "number of rows to generate; at most as many texts as are held back",
              byDefault = "10000",
              min = 1)
          int rows,
      @Field(
              value = "random seed; another seed gives other rows for the same date",
              byDefault = "0")
          int seed,
      @Field(
              value =
                  "fault to inject; in tables: feature values shift (covariate_drift), labels"
                      + " depend on other features (concept_drift), labels are random"
                      + " (label_noise), values are missing (missing_burst); in texts: neighbouring"
                      + " letters change places (typos), texts are about something new and have no"
                      + " label (new_intents), classes exchange labels (swapped_labels), labels are"
                      + " random (label_noise)",
              byDefault = "none")
          Drill.Kind drill,
      @Field(value = "strength of the drill; 0: no effect", byDefault = "0.5", min = 0, max = 1)
          double drillStrength,
      @Field(
              value =
                  "largest batch, in rows, that is also stored as one document per row for ad-hoc"
                      + " queries; 0: never",
              byDefault = "" + RawBatches.ROW_DOCUMENTS_UP_TO,
              min = 0)
          int rowDocumentsUpTo,
      @Field(
              value =
                  "number of shards that the rows are split into; run the step once per shard, then"
                      + " once without a shard to merge them into the batch",
              byDefault = "1",
              min = 1,
              max = Shard.MOST)
          int shards,
      @Field(value = "index of the shard to generate, from 0; omit it to merge the shards", min = 0)
          @Nullable Integer shard) {}

  public record Output(
      @Field("id of the raw batch: model/date") String dataPath,
      @Field("day of the rows") LocalDate logicalDate,
      @Field("synthetic, followed by the drill and its strength, if any") String datasetName,
      @Field("number of rows of the batch or shard") int rows,
      @Field("hash of the rows; equal rows have equal hashes; null for a shard")
          @Nullable String contentHash,
      @Field("false if the batch held the same rows already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) {
    RawBatches batches = context.store().rawBatches();
    if (input.shards() == 1 && input.shard() == null) {
      return output(
          batches.write(
              input.model(),
              input.logicalDate(),
              datasetName(input),
              context.run().runId(),
              Reported.rows(sampler(input, context).rows(input.rows()), input.rows(), context),
              input.rowDocumentsUpTo()));
    }
    Sharded batch = sharded(input, context);
    if (input.shard() != null) {
      return writeShard(input, new Shard(input.shard(), input.shards()), batch, context);
    }
    List<Integer> missing = batches.missingShards(batch);
    if (!missing.isEmpty()) {
      throw NotReadyException.missingShards(
          "generate_data", batch.batchId(), missing, input.shards());
    }
    return output(batches.seal(batch));
  }

  private static Output writeShard(Input input, Shard shard, Sharded batch, StepContext context) {
    int from = shard.from(input.rows(), DaySampler.BLOCK_ROWS);
    int to = shard.to(input.rows(), DaySampler.BLOCK_ROWS);
    Iterator<Table> tables =
        Reported.rows(sampler(input, context).rows(from, to), to - from, context);
    boolean changed = context.store().rawBatches().writeShard(batch, shard, from, tables);
    return new Output(
        batch.batchId(), input.logicalDate(), batch.datasetName(), to - from, null, changed);
  }

  private static Output output(Written written) {
    RawBatch batch = written.batch();
    return new Output(
        batch.batchId(),
        batch.logicalDate(),
        batch.datasetName(),
        batch.rows(),
        batch.contentHash(),
        written.changed());
  }

  private static DaySampler sampler(Input input, StepContext context) {
    return new DistributionStore(context.store())
        .sampler(input.model(), input.seed(), input.logicalDate(), drill(input));
  }

  private static Sharded sharded(Input input, StepContext context) {
    boolean rowDocuments = input.rows() <= input.rowDocumentsUpTo();
    String recipe =
        List.of(
                new DistributionStore(context.store()).name(input.model()),
                input.rows(),
                input.seed(),
                drill(input),
                rowDocuments)
            .toString();
    return new Sharded(
        input.model(),
        input.logicalDate(),
        datasetName(input),
        context.run().runId(),
        recipe,
        input.shards(),
        rowDocuments);
  }

  private static Drill drill(Input input) {
    return new Drill(input.drill(), input.drillStrength());
  }

  private static String datasetName(Input input) {
    Drill drill = drill(input);
    return drill.kind() == Drill.Kind.NONE
        ? DATASET
        : DATASET + "/" + drill.kind().name().toLowerCase(Locale.ROOT) + "/" + drill.strength();
  }
}
