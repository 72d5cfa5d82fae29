package retune.steps.authoring;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Kind;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Checks a model's files and stores them as a version. The first version of a model can"
            + " become its champion.",
    pipeline = Pipeline.AUTHORING,
    example = "--path examples/credit-default/finetuned --champion",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RegisterModel implements Step<RegisterModel.Input, RegisterModel.Output> {
  public record Input(
      @Field("folder or zip with model.json and weights.safetensors") String path,
      @Field(value = "make it the champion of a model that has none", byDefault = "false")
          boolean champion) {}

  public record Output(
      @Field("id of the version, derived from its content") String modelId,
      @Field("name of the model") String modelName,
      @Field("creation time in UTC, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("pretrained or finetuned") String kind,
      @Field("SHA-256 of the weights") String weightsHash,
      @Field("whether the store changed") boolean changed,
      @Field("whether it is the champion") boolean champion,
      @Field("summary in one sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    ModelFolder.Content content = ModelFolder.read(Path.of(input.path()));
    ModelVersion version = content.version();
    ModelStore models = new ModelStore(context.store(), context.clock());
    Champions champions = new Champions(context.store());
    boolean retired = isRetired(version, models);
    if (input.champion() && !retired) {
      requireEligible(version, champions);
    }
    boolean added = models.register(version, content.weights(), VersionStatus.CANDIDATE);
    boolean installed = input.champion() && !retired && install(version, models, champions);
    return new Output(
        version.modelId(),
        version.modelName(),
        version.modelVersion(),
        version.kind().name().toLowerCase(Locale.ROOT),
        version.weightsHash(),
        added || installed,
        isChampion(version, champions),
        message(version, added, installed, retired));
  }

  /**
   * Whether it was the champion before: what registers a first champion at each installation, as a
   * chart does, finds a later one in its place and is content.
   */
  private static boolean isRetired(ModelVersion version, ModelStore models) {
    return models.find(version.modelId()).isPresent()
        && models.status(version.modelId()) == VersionStatus.RETIRED;
  }

  /** Before anything is written. */
  private static void requireEligible(ModelVersion version, Champions champions) {
    if (version.kind() == Kind.PRETRAINED) {
      throw new InvalidInputException(
          version.modelId()
              + " is a pre-trained encoder and predicts nothing; register it without --champion.");
    }
    Optional<Champion> champion = champions.find(version.modelName());
    if (champion.isPresent() && !champion.get().modelId().equals(version.modelId())) {
      throw taken(version, champion.get());
    }
  }

  /** Approves, then points: a champion is approved at every moment. */
  private static boolean install(ModelVersion version, ModelStore models, Champions champions) {
    if (isChampion(version, champions)) {
      return false;
    }
    models.move(version.modelId(), VersionStatus.Event.APPROVE, "Registered as the first champion");
    if (!champions.install(version.modelName(), version.modelId())
        && !isChampion(version, champions)) {
      throw taken(version, champions.find(version.modelName()).orElseThrow());
    }
    return true;
  }

  private static boolean isChampion(ModelVersion version, Champions champions) {
    return champions
        .find(version.modelName())
        .filter(champion -> champion.modelId().equals(version.modelId()))
        .isPresent();
  }

  private static InvalidInputException taken(ModelVersion version, Champion champion) {
    return new InvalidInputException(
        version.modelName()
            + " has the champion "
            + champion.modelId()
            + " already; register "
            + version.modelId()
            + " without --champion and let an evaluation approve it.");
  }

  private static String message(
      ModelVersion version, boolean added, boolean installed, boolean retired) {
    return version.modelId()
        + (added ? " is registered" : " was registered before, nothing was added")
        + (retired ? "; it was the champion once, a later version has followed it" : "")
        + (installed ? "; it is the champion of " + version.modelName() + " now." : ".");
  }
}
