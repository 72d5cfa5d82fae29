package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** The licences of what Retune is distributed with. */
@Tag("images")
class LicensesTest {
  private static final Path STAGE = Path.of("target/stage");
  private static final Path LIST = Path.of("../THIRD-PARTY.txt");

  /** Where libraries have changed: {@code make licences}. */
  @Test
  void theListAtTheTopOfTheProjectNamesEveryLibrary() throws IOException {
    TreeSet<String> libraries = new TreeSet<>();
    for (Family family : List.of(Family.LIGHT, Family.LEARNING, Family.STORE)) {
      libraries.addAll(BillOfMaterials.of(STAGE, family).parts());
    }
    libraries.removeIf(part -> !part.substring(0, part.indexOf(' ')).contains(":")); // packages
    if ("write".equals(System.getenv("RETUNE_GOLDEN"))) {
      Files.write(LIST, libraries);
    }
    assertEquals(List.copyOf(libraries), Files.readAllLines(LIST));
  }

  @ParameterizedTest
  @EnumSource(value = Family.class, mode = Mode.EXCLUDE, names = "SIDECAR")
  void anImageHasTheLicencesOfAllOfItsParts(Family family) throws IOException {
    List<String> parts = BillOfMaterials.of(STAGE, family).parts();
    assertTrue(parts.size() > 10, parts.toString());
    assertEquals(List.of(), parts.stream().filter(part -> part.endsWith(": ")).toList());

    Path folder = STAGE.resolve(family.folder()).resolve("opt/retune");
    assertEquals(parts, Files.readAllLines(folder.resolve("THIRD-PARTY.txt")));
    for (String file : List.of("LICENSE", "NOTICE")) {
      assertEquals(-1, Files.mismatch(Path.of("..", file), folder.resolve(file)), file);
    }
  }
}
