package retune.images;

import com.google.cloud.tools.jib.api.JibContainer;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/** Builds all images and delivers them; {@code make images} and {@code make push} call it. */
public final class Main {
  private static final int CANNOT_BUILD = 50;
  private static final String ARCHITECTURE = "amd64";
  private static final String HELP =
      """
      Usage: images --stage FOLDER --catalogue FILE --version TAG [--revision COMMIT] [--source URL]
                    [--base IMAGE] [--tars FOLDER] [--load yes] [--push REGISTRY]

        --tars FOLDER    write a file for each family of images that docker load and containerd read
        --load yes       load those into the local Docker daemon
        --push REGISTRY  push each image, with the credentials of docker login
        --base IMAGE     build on this image instead of our own base: an image in a registry, tar://FILE
                         or docker://IMAGE, with a C library (glibc); it needs no Java
      """;

  private final PrintStream out;
  private final Path stage;
  private final Labels labels;
  private final Builder builder;
  private final Map<Family, List<Image>> images;

  private Main(Map<String, String> flags, PrintStream out) {
    this.out = out;
    stage = Path.of(required(flags, "stage")).toAbsolutePath();
    labels =
        new Labels(
            required(flags, "version"),
            flags.getOrDefault("revision", ""),
            Labels.publicAddress(flags.getOrDefault("source", "")));
    Optional<String> base = Optional.ofNullable(flags.get("base")).filter(name -> !name.isEmpty());
    builder = new Builder(stage, base, labels);
    images = Image.all(Path.of(required(flags, "catalogue")));
  }

  public static void main(String[] words) throws IOException {
    // Jib's idle connections would keep the JVM alive for a minute.
    System.exit(run(words, System.out, System.err));
  }

  /** Returns the exit code: 0, or 50 after printing the reason. */
  static int run(String[] words, PrintStream out, PrintStream err) throws IOException {
    if (words.length == 0 || List.of(words).contains("--help")) {
      out.print(HELP);
      return 0;
    }
    try {
      Map<String, String> flags = flags(words);
      new Main(flags, out).deliver(flags);
      return 0;
    } catch (CannotBuildException e) {
      err.println(e.getMessage());
      return CANNOT_BUILD;
    }
  }

  private void deliver(Map<String, String> flags) throws IOException {
    if (flags.containsKey("load")) {
      Daemon.require();
    }
    Path folder = Path.of(flags.getOrDefault("tars", stage.resolve("tars").toString()));
    List<Path> archives = archives(Files.createDirectories(folder).toAbsolutePath());
    if (flags.containsKey("load")) {
      archives.forEach(Daemon::load);
    }
    if (flags.containsKey("push")) {
      push(required(flags, "push"));
    }
  }

  /** Writes a file for each family. */
  private List<Path> archives(Path folder) throws IOException {
    List<Path> archives = new ArrayList<>();
    Path one = stage.resolve("image.tar");
    for (var family : images.entrySet()) {
      BillOfMaterials.of(stage, family.getKey()).write(stage, family.getKey());
      Path file =
          folder.resolve(
              "retune-%s.tar".formatted(family.getKey().name().toLowerCase(Locale.ROOT)));
      try (Archive archive = new Archive(file)) {
        for (Image image : family.getValue()) {
          JibContainer built = builder.write(image, one);
          checkArchitecture(archive.add(image, labels.version(), one));
          out.println(built.getImageId() + " " + image.name() + ":" + labels.version());
        }
      }
      archives.add(file);
    }
    Files.deleteIfExists(one);
    return archives;
  }

  private void push(String registry) {
    for (List<Image> family : images.values()) {
      for (Image image : family) {
        JibContainer pushed = builder.push(image, registry);
        out.println(pushed.getDigest() + " " + pushed.getTargetImage());
      }
    }
  }

  /** An image on a base for another architecture could be built, but would not start. */
  private static void checkArchitecture(JsonNode configuration) {
    String architecture = configuration.path("architecture").asString("");
    if (!architecture.equals(ARCHITECTURE)) {
      throw new CannotBuildException(
          "The base image is for '%s', but Retune's Java and PyTorch are for '%s'. Give a base for linux/%s."
              .formatted(architecture, ARCHITECTURE, ARCHITECTURE));
    }
  }

  private static Map<String, String> flags(String[] words) {
    Map<String, String> flags = new TreeMap<>();
    for (int i = 0; i < words.length; i += 2) {
      if (!words[i].startsWith("--") || i + 1 == words.length) {
        throw new CannotBuildException(
            "'%s' is not a flag with a value. See --help.".formatted(words[i]));
      }
      flags.put(words[i].substring(2), words[i + 1]);
    }
    return flags;
  }

  private static String required(Map<String, String> flags, String name) {
    String value = flags.get(name);
    if (value == null || value.isBlank()) {
      throw new CannotBuildException("--%s is missing. See --help.".formatted(name));
    }
    return value;
  }
}
