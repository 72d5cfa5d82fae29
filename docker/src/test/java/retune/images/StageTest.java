package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.images.Containers.Ended;

/** The file systems that docker/stage.sh makes. */
@Tag("images")
class StageTest {
  private static final Path STAGE = Path.of("target/stage");
  private static final List<String> FOLDERS =
      List.of("base", "java", "light", "torch", "learning", "store", "sidecar");

  private static final String ARCHIVED = " source: shared objects file";

  /** Classes from jars and the JDK, without those that are generated at run time. */
  private static final Pattern PARSED = Pattern.compile(" source: (file|jrt):");

  /** In percent of the archived classes. */
  private static final int MOST_PARSED = 5;

  @Test
  void twoStagesInDifferentFoldersAreIdentical(@TempDir Path folder) throws Exception {
    Path other = folder.resolve("of-a-longer-name");
    Process stage =
        new ProcessBuilder("../docker/stage.sh", other.toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    assertEquals(0, stage.waitFor(), () -> read(folder.resolve("log")));
    List<Path> different = new ArrayList<>();
    for (String layers : FOLDERS) {
      for (Path file : files(other.resolve(layers))) {
        Path first = STAGE.resolve(other.relativize(file));
        if (!Files.exists(first) || Files.mismatch(first, file) >= 0) {
          different.add(first);
        }
      }
    }
    assertEquals(List.of(), different);
  }

  /** If it fails after a change of libraries or steps, run {@code make class-lists}. */
  @Test
  void theArchiveHasTheClassesThatAStepLoads() {
    Ended ended =
        Containers.run(
            "load_latest_model",
            step ->
                // The variable that wins over the image's own options.
                step.withEnv("_JAVA_OPTIONS", "-Xlog:class+load:stderr")
                    .withEnv("RETUNE_STORE_WAIT", "0.2"),
            "--model",
            "none");
    long archived = ended.log().lines().filter(line -> line.contains(ARCHIVED)).count();
    long parsed = ended.log().lines().filter(line -> PARSED.matcher(line).find()).count();
    assertTrue(archived > 1000, archived + " classes");
    assertTrue(
        100 * parsed < MOST_PARSED * archived,
        parsed + " classes are not in the archive. Run 'make class-lists'.");
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      return paths.filter(Files::isRegularFile).toList();
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
