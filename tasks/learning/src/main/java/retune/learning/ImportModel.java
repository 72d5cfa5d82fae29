package retune.learning;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.judgement.VersionStatus;
import retune.learning.exchange.ScriptImport;
import retune.learning.exchange.SyntheticRows;
import retune.learning.torch.GoldenRows;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.ModelVersion.Lineage;
import retune.model.importing.ImportSpec;
import retune.model.importing.ModelImport;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Takes over a network that PyTorch trained: a state dict (.pth, .pt), a TorchScript archive"
            + " or safetensors, and a spec that says what tensors cannot. Files are read as data;"
            + " only where the spec's architecture is torch_script is the archive run, which is"
            + " code: take it from whom you trust.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "--weights classifier.pth --spec model.json --output models/classifier")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ImportModel implements Step<ImportModel.Input, ImportModel.Output> {
  private static final double DEFAULT_THRESHOLD = 0.5;
  private static final int GOLDEN_ROWS = 8;

  public record Input(
      @Field("the file of weights: .pth, .pt or .safetensors") String weights,
      @Field("JSON file with format, architecture, target and columns") String spec,
      @Field("the model's name; the spec's where not given") @Nullable String name,
      @Field("folder to write the version to; registered in the store where not given")
          @Nullable String output) {}

  public record Output(
      @Field("the version's id, from its content") String modelId,
      @Field("the model's name") String modelName,
      @Field("when it was imported, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("pretrained (no head) or finetuned") String kind,
      @Field("tensors taken over, all that the file has; of a torch_script the head's") int tensors,
      @Field("numbers in them") long parameters,
      @Field("categorical columns") int categorical,
      @Field("numeric columns") int numeric,
      @Field("tensors whose numbers became float32, by the type they had")
          Map<String, Integer> converted,
      @Field("the folder written") @Nullable String output,
      @Field("whether the store or the folder was changed") boolean changed,
      @Field("what was done, in a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    if (input.output() != null && Files.isRegularFile(Path.of(input.output()))) {
      throw new InvalidInputException(input.output() + " is a file; give a folder.");
    }
    ImportSpec spec = ImportSpec.read(text(input.spec()), input.spec());
    Path weights = Path.of(input.weights());
    ModelImport model =
        spec.architecture().isTorchScript()
            ? ScriptImport.read(weights, spec)
            : ModelImport.read(weights, spec);
    ModelVersion version = version(name(input, spec), spec, model, context);
    boolean changed =
        input.output() == null
            ? register(version, model, context)
            : write(Path.of(input.output()), version, model);
    FeatureSchema schema = model.preprocessing().schema();
    return new Output(
        version.modelId(),
        version.modelName(),
        version.modelVersion(),
        version.kind().name().toLowerCase(Locale.ROOT),
        model.weights().tensors().size(),
        model.weights().tensors().values().stream().mapToLong(t -> t.values().length).sum(),
        schema.categorical().size(),
        schema.numeric().size(),
        model.converted(),
        input.output(),
        changed,
        version.modelId()
            + (input.output() == null ? " is in the store" : " is in " + input.output())
            + (changed ? "." : " already, nothing was added."));
  }

  private static String text(String file) throws IOException {
    try {
      return new String(Files.readAllBytes(Path.of(file)), UTF_8);
    } catch (NoSuchFileException e) {
      throw new InvalidInputException("There is no spec " + file + "; give a JSON file.", e);
    }
  }

  private static String name(Input input, ImportSpec spec) {
    String name = input.name() == null ? spec.name() : input.name();
    if (name == null) {
      throw new InvalidInputException("The model has no name; give --name, or 'name' in the spec.");
    }
    return name;
  }

  private static ModelVersion version(
      String name, ImportSpec spec, ModelImport model, StepContext context) {
    return ModelVersion.of(
        name,
        context.clock().instant(),
        model.architecture(),
        model.preprocessing(),
        spec.target(),
        spec.decisionThreshold() == null ? DEFAULT_THRESHOLD : spec.decisionThreshold(),
        new Lineage(null, "imported", 0, 0, "unknown", Map.of(), List.of()),
        Map.of(),
        model.weights().hasHead() ? golden(model) : null,
        model.weights());
  }

  private static Golden golden(ModelImport model) {
    return GoldenRows.of(
        model.architecture(),
        model.weights(),
        SyntheticRows.of(model.preprocessing().schema(), GOLDEN_ROWS));
  }

  private static boolean register(ModelVersion version, ModelImport model, StepContext context) {
    return new ModelStore(context.store(), context.clock())
        .register(version, model.weights(), VersionStatus.CANDIDATE);
  }

  private static boolean write(Path folder, ModelVersion version, ModelImport model)
      throws IOException {
    boolean changed = !ModelFolder.holds(folder, version);
    if (changed) {
      ModelFolder.write(folder, new ModelFolder.Content(version, model.weights()));
    }
    return changed;
  }
}
