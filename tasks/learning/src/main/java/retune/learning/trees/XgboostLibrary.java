package retune.learning.trees;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * XGBoost's native library. The images have it as a file in the folder that {@code
 * XGBOOST_LIBRARY_PATH} names, because nothing can be unpacked and then run there; elsewhere it is
 * unpacked from its jar, and the file is deleted as soon as it is loaded.
 */
@SuppressWarnings("restricted") // Java warns of every native library
final class XgboostLibrary {
  private static final String FOLDER = "XGBOOST_LIBRARY_PATH";
  private static final String NAME = System.mapLibraryName("xgboost4j");

  /** What the library is linked with, in the order of need, where the folder has it. */
  private static final List<String> NEEDED =
      List.of("libgcc_s.so.1", "libstdc++.so.6", "libgomp.so.1");

  private static boolean loaded;

  private XgboostLibrary() {}

  /**
   * Loads the library, once.
   *
   * @throws InvalidInputException if there is none for this machine
   */
  static synchronized void load() {
    if (!loaded) {
      load(System.getenv(FOLDER));
      loaded = true;
    }
  }

  /**
   * Loads the library from a folder.
   *
   * @param folder null to unpack it
   */
  static void load(@Nullable String folder) {
    try {
      if (folder == null) {
        unpack();
      } else {
        open(Path.of(folder).toAbsolutePath());
      }
      // XGBoost's own loader always unpacks; it must not try once the library is there.
      Field initialized =
          Class.forName("ml.dmlc.xgboost4j.java.NativeLibLoader").getDeclaredField("initialized");
      initialized.setAccessible(true);
      initialized.setBoolean(null, true);
    } catch (IOException | UnsatisfiedLinkError e) {
      throw new InvalidInputException(
          "XGBoost's native library cannot be loaded (%s), so no trees can be trained. Install libgomp1, set %s to the folder with %s, or do without trees: in the attempts of the loop file, or by --models network for new_loop."
              .formatted(e.getMessage(), FOLDER, NAME),
          e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("xgboost4j loads its library in another way", e);
    }
  }

  private static void open(Path folder) {
    for (String needed : NEEDED) {
      if (Files.exists(folder.resolve(needed))) {
        System.load(folder.resolve(needed).toString());
      }
    }
    System.load(folder.resolve(NAME).toString());
  }

  private static void unpack() throws IOException {
    String resource = "/lib/%s/%s".formatted(platform(), NAME);
    try (InputStream library = XgboostLibrary.class.getResourceAsStream(resource)) {
      if (library == null) {
        throw new IOException("the class path has no " + resource);
      }
      Path copy = Files.createTempFile("retune-", NAME);
      try {
        Files.copy(library, copy, StandardCopyOption.REPLACE_EXISTING);
        System.load(copy.toString());
      } finally {
        Files.deleteIfExists(copy);
      }
    }
  }

  private static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    return (system.startsWith("mac") ? "macos" : system)
        + "/"
        + (System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64");
  }
}
