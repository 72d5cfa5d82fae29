package retune.model;

import java.io.IOException;
import java.nio.file.Files;
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

  /**
   * The choice that a single text makes: a version's id, a model's name or a path, in this order.
   *
   * @throws InvalidInputException if it is none of them
   */
  public static VersionChoice named(String text, StepContext context) {
    boolean isPath = text.contains("/") || text.endsWith(".zip");
    if (!isPath && new ModelStore(context.store()).find(text).isPresent()) {
      return new VersionChoice(null, text, null);
    }
    if (!isPath && new Champions(context.store()).find(text).isPresent()) {
      return new VersionChoice(text, null, null);
    }
    if (Files.exists(Path.of(text))) {
      return new VersionChoice(null, null, text);
    }
    throw new InvalidInputException(
        "'"
            + text
            + "' is neither a registered version nor a model with a champion nor a file. Give a"
            + " version's id, a model's name, or the path of a folder or zip with "
            + ModelFolder.MODEL
            + ".");
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
