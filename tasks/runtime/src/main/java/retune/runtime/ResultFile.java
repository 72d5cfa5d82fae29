package retune.runtime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.function.Consumer;
import retune.core.InvalidInputException;

/** Writes a step's JSON to a file, atomically. */
final class ResultFile {
  /** The folder that KubernetesPodOperator's sidecar reads the result from. */
  private static final Path SIDE_CAR_FOLDER = Path.of("/airflow/xcom");

  /** Sidecars and people read the result as other users than the step's. */
  private static final FileAttribute<?> READABLE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--"));

  private static final String DRAFT_PREFIX = ".result-";
  private static final String DRAFT_SUFFIX = ".json";

  private ResultFile() {}

  /**
   * Chooses the file and checks, before the step runs, that it can be written; empty where the
   * result belongs on standard output.
   *
   * @param asked the file of {@code --xcom}, if given
   */
  static Optional<Consumer<String>> open(Optional<String> asked, Settings settings) {
    return asked
        .or(() -> settings.find("RETUNE_XCOM"))
        .map(Path::of)
        .or(
            () ->
                Optional.of(SIDE_CAR_FOLDER)
                    .filter(Files::isDirectory)
                    .map(folder -> folder.resolve("return.json")))
        .map(file -> writer(file.toAbsolutePath()));
  }

  private static Consumer<String> writer(Path target) {
    Path draft = draft(target);
    return text -> {
      try {
        Files.writeString(draft, text);
        Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        throw new UncheckedIOException("the result could not be written to " + target, e);
      }
    };
  }

  private static Path draft(Path target) {
    Path folder = target.getParent();
    try {
      if (folder == null || Files.isDirectory(target)) {
        throw new InvalidInputException("'%s' is a folder; give --xcom a file.".formatted(target));
      }
      Leftovers.delete(folder, DRAFT_PREFIX, DRAFT_SUFFIX);
      Path draft = Files.createTempFile(folder, DRAFT_PREFIX, DRAFT_SUFFIX, READABLE);
      draft.toFile().deleteOnExit();
      return draft;
    } catch (IOException unwritable) {
      throw new InvalidInputException(
          "The result cannot be written to '%s' by user %s; create its folder and make it writable for that user."
              .formatted(target, userId()),
          unwritable);
    }
  }

  private static Object userId() {
    try {
      return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException unknown) {
      return System.getProperty("user.name", "unknown");
    }
  }
}
