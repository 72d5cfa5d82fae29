package retune.learning;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.learning.torch.TorchScript;
import retune.model.AtomicFile;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.VersionChoice;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Exports a version for other programs: as a folder with model.json and weights.safetensors,"
            + " or as one TorchScript file that torch.jit.load opens without Retune.",
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
    TORCHSCRIPT
  }

  public record Input(
      @Field("name of a model, to export its champion") @Nullable String model,
      @Field("id of a registered version") @Nullable String version,
      @Field("folder or zip with model.json and weights.safetensors") @Nullable String modelFile,
      @Field("the format to write") Format format,
      @Field("the folder (safetensors) or file (torchscript) to write") String output) {}

  public record Output(
      @Field("id of the version exported") String modelId,
      @Field("the format written") Format format,
      @Field("absolute path of what was written") String output) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path output = Path.of(input.output()).toAbsolutePath();
    requireFree(output, input.format());
    ModelFolder.Content content =
        new VersionChoice(input.model(), input.version(), input.modelFile())
            .load(context, CodeTrust.NOT_RUN);
    ModelVersion version = content.version();
    switch (input.format()) {
      case SAFETENSORS -> ModelFolder.write(output, content);
      case TORCHSCRIPT -> AtomicFile.write(output, TorchScript.write(version, content.weights()));
    }
    return new Output(version.modelId(), input.format(), output.toString());
  }

  private static void requireFree(Path output, Format format) {
    Path parent = output.resolveSibling("");
    boolean free =
        switch (format) {
          case SAFETENSORS -> !Files.exists(output) || Files.isDirectory(output);
          case TORCHSCRIPT -> Files.isDirectory(parent) && !Files.isDirectory(output);
        };
    if (!free) {
      throw new InvalidInputException(
          "The model cannot be written to "
              + output
              + "; give "
              + switch (format) {
                case SAFETENSORS -> "a folder.";
                case TORCHSCRIPT -> "the path of a file in a folder that exists.";
              });
    }
  }
}
