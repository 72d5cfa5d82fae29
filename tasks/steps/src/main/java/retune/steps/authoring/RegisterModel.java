package retune.steps.authoring;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.Registration;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.data.ReferenceBatch;

@About(
    value =
        "Checks a model's files and registers them as a version. The first version of a model can"
            + " be made its champion. Its folder's reference.csv, or else rows drawn from the"
            + " model's distribution, become the reference on which candidates are compared with"
            + " the champion.",
    pipeline = Pipeline.AUTHORING,
    work = Work.METADATA,
    example = "--path examples/credit-default/finetuned --champion")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RegisterModel implements Step<RegisterModel.Input, RegisterModel.Output> {
  public record Input(
      @Field("folder or zip with model.json and weights.safetensors") String path,
      @Field(value = "make the version the champion of a model that has none", byDefault = "false")
          boolean champion,
      @Field(
              value =
                  "permit the code of a version that contains TorchScript; it runs with all rights"
                      + " of this process, so give this only for a source that you trust",
              byDefault = "false")
          boolean trustCode) {}

  public record Output(
      @Field("id of the version, derived from its content") String modelId,
      @Field("name of the model") String modelName,
      @Field("creation time in UTC, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("pretrained or finetuned") String kind,
      @Field("SHA-256 of the weights") String weightsHash,
      @Field("whether the store changed") boolean changed,
      @Field("whether it is the champion") boolean champion,
      @Field("number of reference rows that the model has; 0: none") int referenceRows,
      @Field("summary in one sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    ModelFolder.Content content =
        ModelFolder.read(Path.of(input.path()), CodeTrust.of(input.trustCode()));
    Registration.Result result = new Registration(context).register(content, input.champion());
    ModelVersion version = result.version();
    ReferenceBatch.Stored reference =
        ReferenceBatch.register(context, version, Path.of(input.path()));
    return new Output(
        version.modelId(),
        version.modelName(),
        version.modelVersion(),
        version.kind().name().toLowerCase(Locale.ROOT),
        version.weightsHash(),
        result.changed() || reference.changed(),
        result.champion(),
        reference.rows(),
        result.message());
  }
}
