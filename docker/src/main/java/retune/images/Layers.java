package retune.images;

import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.FileEntry;
import com.google.cloud.tools.jib.api.buildplan.FilePermissions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The stage's folders as layers. A layer depends on the names, contents and permissions of its
 * files, not on their times and owners.
 */
final class Layers {
  /** The time that docker/stage.sh gives to the jars; a class archive checks it. */
  private static final Instant TIME = Instant.ofEpochSecond(1);

  private static final Path LIBRARIES = Path.of("opt/retune/lib");

  private final Path stage;

  Layers(Path stage) {
    this.stage = stage;
  }

  /**
   * A family's layers from the lowest to the highest; those that change most often are highest.
   *
   * @param withBase whether to include our own system layer
   */
  List<FileEntriesLayer> of(Family family, boolean withBase) throws IOException {
    List<FileEntriesLayer> layers = new ArrayList<>();
    if (family.isJava()) {
      if (withBase) {
        layers.add(layer("base", path -> true));
      }
      layers.add(layer("java", path -> true));
    }
    for (String folder : family.folders()) {
      if (Files.isDirectory(stage.resolve(folder).resolve(LIBRARIES))) {
        layers.add(layer(folder, path -> path.startsWith(LIBRARIES)));
        layers.add(layer(folder, path -> !path.startsWith(LIBRARIES)));
      } else {
        layers.add(layer(folder, path -> true));
      }
    }
    return layers;
  }

  private FileEntriesLayer layer(String folder, Predicate<Path> chosen) throws IOException {
    Path root = stage.resolve(folder);
    if (!Files.isDirectory(root)) {
      throw new CannotBuildException(
          "The stage '%s' has no folder '%s'. Run 'make stage'.".formatted(stage, folder));
    }
    List<FileEntry> entries = new ArrayList<>();
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.sorted().toList()) {
        Path inside = root.relativize(path);
        if (!path.equals(root) && chosen.test(inside)) {
          entries.add(
              new FileEntry(path, AbsoluteUnixPath.get("/" + inside), permissions(path), TIME));
        }
      }
    }
    return FileEntriesLayer.builder().setName(folder).setEntries(entries).build();
  }

  private static FilePermissions permissions(Path path) throws IOException {
    Set<PosixFilePermission> here = Files.getPosixFilePermissions(path);
    if (Files.isDirectory(path)) {
      return FilePermissions.fromOctalString(
          here.contains(PosixFilePermission.OTHERS_WRITE) ? "777" : "755");
    }
    return FilePermissions.fromOctalString(
        here.contains(PosixFilePermission.OWNER_EXECUTE) ? "755" : "644");
  }
}
