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
import retune.core.calibration.CalibrationFit;
import retune.core.data.FeatureSchema;
import retune.learning.exchange.CalibrationRows;
import retune.learning.exchange.ScriptImport;
import retune.learning.exchange.SyntheticRows;
import retune.learning.torch.GoldenRows;
import retune.model.BoundedFile;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;
import retune.model.ModelVersion.Lineage;
import retune.model.Registration;
import retune.model.importing.ImportSpec;
import retune.model.importing.ModelImport;
import retune.model.importing.TreesImport;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Imports a network that PyTorch trained (state dict, TorchScript archive or safetensors),"
            + " or boosted trees of XGBoost (JSON, UBJ) or LightGBM (text), with a spec that"
            + " describes what the file does not show. Registers it as a candidate or as the first"
            + " champion, or writes a folder. Files are read as data, except for the spec's"
            + " architecture torch_script: the archive is code, and --trust-code permits it to"
            + " run.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "--weights classifier.pth --spec model.json --name classifier --champion")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ImportModel implements Step<ImportModel.Input, ImportModel.Output> {
  private static final double DEFAULT_THRESHOLD = 0.5;
  private static final int GOLDEN_ROWS = 8;

  public record Input(
      @Field("the file of weights or trees: .pth, .pt, .safetensors, .json, .ubj or .txt")
          String weights,
      @Field("JSON file with format, architecture, target and columns") String spec,
      @Field("the model's name; the spec's name if left out") @Nullable String name,
      @Field("folder to write the version to instead of registering it") @Nullable String output,
      @Field(
              value =
                  "make the version the champion of a model that has none; registers it, even"
                      + " with --output",
              byDefault = "false")
          boolean champion,
      @Field(
              value =
                  "permit a TorchScript archive to run; it runs with all rights of this process, so"
                      + " give this only for a source that you trust",
              byDefault = "false")
          boolean trustCode,
      @Field(
              "labelled rows that the model was not trained on, to calibrate its probabilities"
                  + " with: a CSV file or a processed batch (model/date); if left out, the"
                  + " probabilities stay as the model states them. Logits and decisions stay the"
                  + " same either way")
          @Nullable String calibrate) {}

  public record Output(
      @Field("the version's id, from its content") String modelId,
      @Field("the model's name") String modelName,
      @Field("when it was imported, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("pretrained (no head) or finetuned") String kind,
      @Field("tensors imported: all tensors of the file, or those of a torch_script's head")
          int tensors,
      @Field("numbers in these tensors") long parameters,
      @Field("number of categorical columns") int categorical,
      @Field("number of numeric columns") int numeric,
      @Field("number of tensors converted to float32, by their type in the file")
          Map<String, Integer> converted,
      @Field(
              "whether the probabilities are calibrated, and how well, as a sentence; none for an"
                  + " encoder")
          @Nullable String calibration,
      @Field("the folder written") @Nullable String output,
      @Field("whether the store has the version") boolean registered,
      @Field("whether the version is the champion") boolean champion,
      @Field("whether the store or the folder was changed") boolean changed,
      @Field("what was done and what to do next") String message) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    if (input.output() != null && Files.isRegularFile(Path.of(input.output()))) {
      throw new InvalidInputException(input.output() + " is a file; give a folder.");
    }
    ImportSpec spec = ImportSpec.read(text(input.spec()), input.spec());
    Path weights = Path.of(input.weights());
    ModelImport model = read(weights, spec, CodeTrust.of(input.trustCode()));
    Calibrated calibrated =
        Calibrated.of(
            new ModelFolder.Content(
                version(name(input, spec), spec, model, context), model.weights()),
            input.calibrate(),
            context);
    ModelVersion version = calibrated.version;
    ModelFolder.Content content = new ModelFolder.Content(version, model.weights());
    boolean written = input.output() != null && write(Path.of(input.output()), content);
    Registration.Result registered =
        input.output() == null || input.champion()
            ? new Registration(context).register(content, input.champion())
            : null;
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
        calibrated.sentence,
        input.output(),
        registered != null,
        registered != null && registered.champion(),
        written || (registered != null && registered.changed()),
        message(version, input.output(), registered));
  }

  /**
   * The imported version, calibrated if asked.
   *
   * @param sentence whether it is calibrated; null for an encoder
   */
  private record Calibrated(ModelVersion version, @Nullable String sentence) {
    static Calibrated of(ModelFolder.Content imported, @Nullable String rows, StepContext context)
        throws IOException {
      ModelVersion version = imported.version();
      if (rows == null) {
        return new Calibrated(
            version,
            version.kind() == ModelVersion.Kind.PRETRAINED
                ? null
                : version.calibrationSentence()
                    + " To calibrate them, import with --calibrate and labelled rows.");
      }
      version.requireHead();
      CalibrationRows labelled = CalibrationRows.of(rows, version, context);
      CalibrationFit fit = labelled.fit(imported);
      return new Calibrated(version.withCalibration(fit, labelled.contentHash()), fit.sentence());
    }
  }

  private static ModelImport read(Path weights, ImportSpec spec, CodeTrust trust)
      throws IOException {
    if (spec.architecture().isTrees()) {
      return TreesImport.read(weights, spec);
    }
    return spec.architecture().isTorchScript()
        ? ScriptImport.read(weights, spec, trust)
        : ModelImport.read(weights, spec);
  }

  private static String message(
      ModelVersion version, @Nullable String output, Registration.@Nullable Result registered) {
    if (registered == null) {
      return "%s is in the folder %s and is not registered; register it with: register_model --path %s"
              .formatted(version.modelId(), output, output)
          + (version.kind() == ModelVersion.Kind.FINETUNED ? " --champion" : "");
    }
    boolean couldBeChampion =
        !registered.champion()
            && !registered.retired()
            && version.kind() == ModelVersion.Kind.FINETUNED;
    return registered.message()
        + (output == null ? "" : " It is in the folder " + output + ", too.")
        + (couldBeChampion
            ? " If the model has no champion yet, repeat the import with --champion."
            : "");
  }

  private static String text(String file) throws IOException {
    try {
      return new String(BoundedFile.read(Path.of(file), BoundedFile.MAX_JSON), UTF_8);
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
            new ModelVersion.Design(model.architecture(), model.preprocessing(), spec.target()),
            new Lineage(null, "imported", 0, 0, "unknown", Map.of(), List.of()),
            model.weights())
        .withDecisionThreshold(
            spec.decisionThreshold() == null ? DEFAULT_THRESHOLD : spec.decisionThreshold())
        .withGolden(model.weights().hasHead() ? golden(model) : null);
  }

  private static Golden golden(ModelImport model) {
    return GoldenRows.of(
        model.architecture(),
        model.weights(),
        SyntheticRows.of(model.preprocessing().schema(), GOLDEN_ROWS));
  }

  private static boolean write(Path folder, ModelFolder.Content content) throws IOException {
    boolean changed = !ModelFolder.holds(folder, content.version());
    if (changed) {
      ModelFolder.write(folder, content);
    }
    return changed;
  }
}
