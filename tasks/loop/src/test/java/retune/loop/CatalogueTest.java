package retune.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import retune.runtime.Catalogue;

/**
 * The files made from the steps' declarations are true. {@code make catalogue} writes them again.
 */
class CatalogueTest {
  private static final Path TOP = Path.of("../..");

  @Test
  void theCatalogueThatDagsAreCheckedAgainstIsTrue() throws IOException {
    compare("airflow/dags/retune/catalogue.json", Catalogue.json());
  }

  @Test
  void theFactsThatTheLauncherReadsAreTrue() throws IOException {
    compare("tasks/steps.list", Catalogue.facts());
  }

  @Test
  void theReferenceOfStepsIsTrue() throws IOException {
    compare("docs/reference/steps.md", Catalogue.markdown());
  }

  private static void compare(String file, String declared) throws IOException {
    Path path = TOP.resolve(file);
    if ("write".equals(System.getenv("RETUNE_CATALOGUE"))) {
      Files.writeString(path, declared);
    }
    assertEquals(Files.readString(path), declared, file + " is stale; run 'make catalogue'.");
  }
}
