package retune.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.StepContext;

/**
 * A version, given in one of three ways.
 *
 * @param model a model's name, for its champion
 * @param version a registered version's id
 * @param modelFile a folder or zip with a version in its file form
 */
public record VersionChoice(
    @Nullable String model, @Nullable String version, @Nullable String modelFile) {
  public VersionChoice {
    if (Stream.of(model, version, modelFile).filter(Objects::nonNull).count() != 1) {
      throw new InvalidInputException(
          "Give exactly one of --model (to use its champion), --version and --model-file.");
    }
  }

  /**
   * The version and its weights.
   *
   * @param trust whether a version from a file may contain code
   * @throws InvalidInputException if there is no such version
   */
  public ModelFolder.Content load(StepContext context, CodeTrust trust) throws IOException {
    if (modelFile != null) {
      return ModelFolder.read(Path.of(modelFile), trust);
    }
    ModelStore models = new ModelStore(context.store());
    ModelVersion found = models.get(version == null ? champion(context) : version);
    return new ModelFolder.Content(found, models.weights(found));
  }

  private String champion(StepContext context) {
    return new Champions(context.store())
        .find(String.valueOf(model))
        .map(Champions.Champion::modelId)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "The model '"
                        + model
                        + "' has no champion. Register one with register_model --champion, or give"
                        + " a version with --version."));
  }
}
