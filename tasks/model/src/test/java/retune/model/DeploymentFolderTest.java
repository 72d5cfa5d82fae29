package retune.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.model.Champions.Champion;
import retune.model.DeploymentFolder.Current;

class DeploymentFolderTest {
  private static final String TIME = "20260109_101500";

  @TempDir Path root;
  private DeploymentFolder folder;
  private final ModelFolder.Content first = TestModels.small(1);
  private final ModelFolder.Content second = TestModels.small(2);

  @BeforeEach
  void open() {
    folder = new DeploymentFolder(root, "toy");
  }

  @Test
  void anExportedVersionIsWholeAndCurrent() throws IOException {
    assertEquals(Optional.empty(), folder.current());
    assertTrue(folder.export(first, champion(first, 1)));
    assertEquals(
        Optional.of(new Current(first.version().modelId(), TIME, TIME, 1)), folder.current());
    assertEquals(
        first.version(),
        ModelFolder.read(root.resolve("toy").resolve(TIME), CodeTrust.REFUSED).version());
  }

  @Test
  void exportingItAgainChangesNothing() throws IOException {
    folder.export(first, champion(first, 1));
    Path marker = root.resolve("toy/current.json");
    Object before = Files.getAttribute(marker, "unix:ino");
    assertFalse(folder.export(first, champion(first, 1)));
    assertEquals(before, Files.getAttribute(marker, "unix:ino"));
  }

  @Test
  void aFolderThatIsNotWholeIsWrittenAgain() throws IOException {
    folder.export(first, champion(first, 1));
    Path version = root.resolve("toy").resolve(TIME);
    Files.write(version.resolve(ModelFolder.WEIGHTS), new byte[3]);
    assertTrue(folder.export(first, champion(first, 1)));
    assertTrue(ModelFolder.holds(version, first.version()));
  }

  @Test
  void twoVersionsOfOneSecondHaveFoldersOfTheirOwn() throws IOException {
    folder.export(first, champion(first, 1));
    folder.export(second, champion(second, 2));
    assertEquals(second.version().modelId(), folder.current().orElseThrow().folder());
    assertTrue(ModelFolder.holds(root.resolve("toy").resolve(TIME), first.version()));
    assertTrue(ModelFolder.holds(folder.path(second.version()), second.version()));
  }

  @Test
  void aLateExporterDoesNotTurnBackTheCurrentVersion() throws IOException {
    folder.export(second, champion(second, 2));
    assertRefused(
        "toy has moved on to " + second.version().modelId() + " meanwhile",
        () -> folder.export(first, champion(first, 1)));
    assertEquals(second.version().modelId(), folder.current().orElseThrow().modelId());
  }

  private static Champion champion(ModelFolder.Content content, long revision) {
    String modelId = content.version().modelId();
    return new Champion("toy", modelId, null, modelId, null, revision, List.of(), null, 0);
  }
}
