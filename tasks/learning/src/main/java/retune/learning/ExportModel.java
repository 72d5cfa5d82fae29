package retune.learning;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.learning.torch.TorchScript;
import retune.model.Architecture;
import retune.model.AtomicFile;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.VersionChoice;
import retune.model.WeightShapes;
import retune.model.importing.IdentityHead;
import retune.model.trees.XgboostFile;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Exports a version for other programs: as a folder with model.json and weights.safetensors,"
            + " as one TorchScript file that torch.jit.load opens without Retune, or, if it is"
            + " boosted trees, as XGBoost's JSON. The calibration is in model.json; logits and"
            + " XGBoost's probabilities are without it.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "--model credit-default --format torchscript --output credit-default.pt")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ExportModel implements Step<ExportModel.Input, ExportModel.Output> {
  /** What is written. */
  public enum Format {
    /** A folder that register_model takes back. */
    SAFETENSORS,
    /**
     * A module with {@code encode(codes, numbers)}, {@code head(encoded)} and {@code forward(codes,
     * numbers)}, codes int64 and numbers float32 in the order of model.json's features.
     */
    TORCHSCRIPT,
    /** A file that XGBoost's {@code load_model} opens. */
    XGBOOST
  }

  public record Input(
      @Field("name of a model, to export its champion") @Nullable String model,
      @Field("id of a registered version") @Nullable String version,
      @Field("folder or zip with model.json and weights.safetensors") @Nullable String modelFile,
      @Field("the format to write") Format format,
      @Field("the folder (safetensors) or file (torchscript, xgboost) to write") String output) {}

  public record Output(
      @Field("id of the version exported") String modelId,
      @Field("the format written") Format format,
      @Field("absolute path of what was written") String output,
      @Field("how probabilities and decisions follow from what was written, as a sentence")
          String probabilities) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path output = Path.of(input.output()).toAbsolutePath();
    requireFree(output, input.format());
    ModelFolder.Content content =
        new VersionChoice(input.model(), input.version(), input.modelFile())
            .load(context, CodeTrust.NOT_RUN);
    ModelVersion version = content.version();
    requireForm(content, input.format());
    switch (input.format()) {
      case SAFETENSORS -> ModelFolder.write(output, content);
      case TORCHSCRIPT -> AtomicFile.write(output, TorchScript.write(version, content.weights()));
      case XGBOOST -> AtomicFile.write(output, xgboost(content));
    }
    return new Output(
        version.modelId(),
        input.format(),
        output.toString(),
        input.format() == Format.SAFETENSORS
            ? version.calibrationSentence()
            : uncalibrated(version));
  }

  private static String uncalibrated(ModelVersion version) {
    String positive = version.target().positive();
    ModelVersion.Calibration calibration = version.calibration();
    boolean isCorrected =
        calibration != null && calibration.calibrator() instanceof Calibrator.Prior;
    return "The probabilities of the file, the softmax of its logits, are not calibrated"
        + (isCorrected ? ", nor corrected for the shares of the classes" : "")
        + (positive == null
            ? (isCorrected
                ? ". So its most probable class is not always the version's, whose model.json has"
                    + " the biases to add to the calibrated logits."
                : ".")
            : "; '%s' is predicted where its probability is at least %s."
                .formatted(positive, version.uncalibratedThreshold()));
  }

  /** Trees are no TorchScript, and XGBoost's files hold nothing else. */
  private static void requireForm(ModelFolder.Content content, Format format) {
    ModelVersion version = content.version();
    if (format != Format.SAFETENSORS && version.architecture() instanceof Architecture.Text) {
      throw new InvalidInputException(
          "%s reads texts, which only Retune's own format holds; export it with --format safetensors."
              .formatted(version.modelId()));
    }
    boolean isTrees = version.architecture() instanceof Architecture.Trees;
    if (format == Format.TORCHSCRIPT && isTrees) {
      throw new InvalidInputException(
          "%s is boosted trees, which TorchScript cannot hold; export it with --format xgboost."
              .formatted(version.modelId()));
    }
    if (format == Format.XGBOOST && !isTrees) {
      throw new InvalidInputException(
          "%s is a network, which XGBoost's file cannot hold; export it with --format torchscript."
              .formatted(version.modelId()));
    }
    if (format == Format.XGBOOST
        && !IdentityHead.is(
            content.weights().tensors(), version.architecture().encodedSize(), version.target())) {
      throw new InvalidInputException(
          "%s has a fine-tuned head on its trees, which XGBoost's file cannot hold; export it with --format safetensors."
              .formatted(version.modelId()));
    }
  }

  private static byte[] xgboost(ModelFolder.Content content) {
    Architecture.Trees architecture = (Architecture.Trees) content.version().architecture();
    return XgboostFile.json(
        WeightShapes.forest(architecture, content.weights(), content.version().modelId()),
        architecture.inputs().stream().map(Architecture.Trees.Input::feature).toList());
  }

  private static void requireFree(Path output, Format format) {
    Path parent = output.resolveSibling("");
    boolean free =
        switch (format) {
          case SAFETENSORS -> !Files.exists(output) || Files.isDirectory(output);
          case TORCHSCRIPT, XGBOOST -> Files.isDirectory(parent) && !Files.isDirectory(output);
        };
    if (!free) {
      throw new InvalidInputException(
          "The model cannot be written to "
              + output
              + "; give "
              + switch (format) {
                case SAFETENSORS -> "a folder.";
                case TORCHSCRIPT, XGBOOST -> "the path of a file in a folder that exists.";
              });
    }
  }
}
