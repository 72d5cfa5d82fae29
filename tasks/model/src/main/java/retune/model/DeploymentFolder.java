package retune.model;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.model.Champions.Champion;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * The deployed versions of a model as files, for programs that do not use the document store: one
 * folder per version, in its file form, and {@code current.json}, which names the version in
 * production.
 *
 * <p>{@code current.json} is replaced as one file and version folders do not change, so that a
 * reader who has read it reads one version. A symbolic link {@code current} would be replaced at
 * once too, but two files read through it could be of two versions, and not every mounted volume
 * has links.
 */
public final class DeploymentFolder {
  private static final String CURRENT = "current.json";
  private static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  /**
   * What {@code current.json} says.
   *
   * @param folder the version's folder, beside {@code current.json}
   * @param revision the champion's
   */
  public record Current(String modelId, String modelVersion, String folder, long revision) {}

  private final Path folder;

  /** The model's folder below the deployment folder. */
  public DeploymentFolder(Path deploymentFolder, String model) {
    this.folder = deploymentFolder.resolve(model).toAbsolutePath().normalize();
  }

  /** The version in production; empty before the first deployment. */
  public Optional<Current> current() throws IOException {
    Path file = folder.resolve(CURRENT);
    try {
      return Optional.of(JSON.readValue(Files.readString(file), Current.class));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (JacksonException e) {
      throw new InvalidInputException(
          file + " cannot be read (" + e.getOriginalMessage() + "); remove it and deploy again.",
          e);
    }
  }

  /**
   * Where the version stands, or would stand: under its time, or under its id where another version
   * of the same second came first.
   */
  public Path path(ModelVersion version) throws IOException {
    Path byTime = folder.resolve(version.modelVersion());
    return belongsToAnother(byTime, version) ? folder.resolve(version.modelId()) : byTime;
  }

  /**
   * Checks that {@code current.json} names the champion and that the version's files are complete
   * and undamaged.
   *
   * @throws InvalidInputException naming the file and what is wrong with it
   */
  public void require(Champion champion) throws IOException {
    Path marker = folder.resolve(CURRENT);
    Current current =
        current()
            .orElseThrow(
                () -> new InvalidInputException("There is no " + marker + "; deploy again."));
    if (!current.modelId.equals(champion.modelId()) || current.revision != champion.revision()) {
      throw new InvalidInputException(
          "%s names %s of revision %d, not %s of revision %d; deploy again."
              .formatted(
                  marker,
                  current.modelId,
                  current.revision,
                  champion.modelId(),
                  champion.revision()));
    }
    Path path = folder.resolve(current.folder);
    String found = ModelFolder.read(path, CodeTrust.NOT_RUN).version().modelId();
    if (!found.equals(champion.modelId())) {
      throw new InvalidInputException(
          "%s contains %s, not %s; deploy again.".formatted(path, found, champion.modelId()));
    }
  }

  private static boolean belongsToAnother(Path folder, ModelVersion version) throws IOException {
    Path description = folder.resolve(ModelFolder.MODEL);
    try {
      ModelVersion found = ModelJson.read(Files.readString(description), description.toString());
      return !found.modelId().equals(version.modelId());
    } catch (NoSuchFileException | InvalidInputException e) {
      return false;
    }
  }

  /**
   * Writes the champion's folder where it is not whole yet, then {@code current.json}. Returns
   * whether anything changed; an {@link InvalidInputException} where a later champion is there.
   */
  public boolean export(ModelFolder.Content content, Champion champion) throws IOException {
    ModelVersion version = content.version();
    Optional<Current> before = current();
    if (before.isPresent() && before.get().revision > champion.revision()) {
      throw new InvalidInputException(
          champion.model() + " has moved on to " + before.get().modelId + " meanwhile.");
    }
    Path path = path(version);
    boolean whole = ModelFolder.holds(path, version);
    if (!whole) {
      ModelFolder.write(path, content);
    }
    Current current =
        new Current(
            version.modelId(),
            version.modelVersion(),
            path.getFileName().toString(),
            champion.revision());
    if (before.isPresent() && before.get().equals(current)) {
      return !whole;
    }
    byte[] json = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(current).getBytes(UTF_8);
    AtomicFile.write(folder.resolve(CURRENT), json);
    return true;
  }
}
