package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.model.Champions.Bar;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

/** The event is recorded before the bar is lifted, so that no version is released without one. */
@About(
    value =
        "Releases a version that was rolled back: it may be promoted again. The version in"
            + " production stays; to put the released one there, run rollback with --to.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default-0123456789ab --reason faster",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ReleaseVersion implements Step<ReleaseVersion.Input, ReleaseVersion.Output> {
  public record Input(
      @Field(value = "the version", positional = true) String modelId,
      @Field(value = "the reason, for the record", byDefault = "no reason given") String reason,
      @Field("who releases it; by default whoever started the run (RETUNE_STARTED_BY)")
          @Nullable String by) {}

  public record Output(
      @Field("the version") String modelId,
      @Field("whether it was barred") boolean changed,
      @Field("what was done, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    ModelVersion version = new ModelStore(context).get(input.modelId());
    Production production = new Production(context, version.modelName());
    Optional<Bar> bar =
        production
            .champions
            .find(version.modelName())
            .flatMap(champion -> champion.bar(version.modelId()));
    if (bar.isEmpty()) {
      return new Output(
          version.modelId(), false, version.modelId() + " is not barred; nothing changed.");
    }
    production.append(
        "release/%s/%s/%d".formatted(version.modelName(), version.modelId(), bar.get().revision()),
        new Document("event_type", "version_released")
            .append("model", version.modelName())
            .append("model_id", version.modelId())
            .append("model_version", version.modelVersion())
            .append("status", "released")
            .append("by", Production.by(input.by(), context))
            .append("reason", input.reason())
            .append("barred_by", bar.get().by())
            .append("barred_reason", bar.get().reason())
            .append("revision", bar.get().revision()));
    production.champions.release(version.modelName(), bar.get());
    return new Output(
        version.modelId(), true, version.modelId() + " is released and may be promoted again.");
  }
}
