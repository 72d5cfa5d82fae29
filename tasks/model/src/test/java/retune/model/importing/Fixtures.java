package retune.model.importing;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Objects;

/** Files that PyTorch made; {@code make_fixtures.py} of the Python tests says how. */
final class Fixtures {
  private Fixtures() {}

  static Path path(String name) {
    try {
      return Path.of(Objects.requireNonNull(Fixtures.class.getResource(name)).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e); // a class loader's own addresses are well formed
    }
  }

  static byte[] bytes(String name) throws IOException {
    try (InputStream stream = Objects.requireNonNull(Fixtures.class.getResourceAsStream(name))) {
      return stream.readAllBytes();
    }
  }
}
