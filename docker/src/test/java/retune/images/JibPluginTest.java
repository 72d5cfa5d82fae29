package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.dockerjava.api.command.InspectImageResponse;
import com.github.dockerjava.api.model.ContainerConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import retune.images.Containers.Ended;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Images that jib-maven-plugin builds, as docs/how-to/build-images.md and add-a-step.md say. Retune
 * is installed into a local repository of the test's own, which begins as links to the user's.
 */
@Tag("images")
class JibPluginTest {
  private static final Path TOP = Path.of("..").toAbsolutePath().normalize();
  private static final String VERSION = "0.1.0";

  @TempDir static Path folder;

  @BeforeAll
  static void install() throws Exception {
    Path repository = Path.of(System.getProperty("user.home"), ".m2/repository");
    run(folder, "cp", "-rs", repository.toString(), folder.resolve("m2").toString());
    // Packages nothing again that make images has packaged; -am for the modules that steps need.
    mvn(TOP, "-pl", "tasks/steps,docker", "-am", "jar:jar", "install:install");
  }

  @Test
  void anImageOfThePluginIsThatOfMakeImages() throws Exception {
    mvn(TOP, "-pl", "tasks/steps", "jib:dockerBuild", "-Dretune.step=evaluate_model");

    InspectImageResponse built = inspect("retune/evaluate_model");
    InspectImageResponse made = inspect("retune/evaluate-model");
    ContainerConfig ours = Objects.requireNonNull(built.getConfig());
    ContainerConfig theirs = Objects.requireNonNull(made.getConfig());
    assertEquals(List.of(theirs.getEntrypoint()), List.of(ours.getEntrypoint()));
    assertEquals(theirs.getLabels(), ours.getLabels());
    assertEquals(theirs.getUser(), ours.getUser());
    assertEquals(List.of(theirs.getEnv()), List.of(ours.getEnv()));
    // A layer's digest is the SHA-256 of its bytes.
    assertEquals(made.getRootFS().getLayers(), built.getRootFS().getLayers());

    String[] words = {"--model-id", "none", "--data-path", "none/2026-11-05"};
    Ended ofPlugin = Containers.runImage("retune/evaluate_model", JibPluginTest::alone, words);
    Ended ofMake = Containers.runImage("retune/evaluate-model", JibPluginTest::alone, words);
    assertEquals(20, ofPlugin.exitCode(), ofPlugin.log());
    assertEquals(ofMake.out(), ofPlugin.out());
  }

  @Test
  void aProjectOfOnesOwnAddsItsJarToTheLayersThatAllStepsShare() throws Exception {
    String page = Files.readString(TOP.resolve("docs/how-to/add-a-step.md"));
    Path project = Files.createDirectory(folder.resolve("my-steps"));
    Path sources = Files.createDirectories(project.resolve("src/main/java"));
    Path services =
        Files.createDirectories(project.resolve("src/main/resources/META-INF/services"));
    Files.writeString(sources.resolve("CountLabels.java"), block(page, "java"));
    Files.writeString(services.resolve("retune.runtime.Step"), "CountLabels\n");
    Files.writeString(
        project.resolve("pom.xml"), block(page, "xml").replace("/path/to/retune", TOP.toString()));

    mvn(project, "package", "jib:dockerBuild", "jib:buildTar", "-Dretune.step=count-labels");

    List<String> layers = layers(project.resolve("target/jib-image.tar"));
    List<String> shared = layers(Path.of("target/stage/tars/retune-light.tar"));
    assertEquals(shared, layers.subList(0, shared.size()));
    assertEquals(shared.size() + 1, layers.size());
    try (Network network = Network.newNetwork();
        GenericContainer<?> store = Containers.store(network)) {
      store.start();
      Ended ended =
          Containers.runImage(
              "retune/count-labels",
              step -> {
                step.withNetwork(network)
                    .withEnv("RETUNE_MONGO_URI", "mongodb://store:27018/retune")
                    // The class archive must fit the longer class path.
                    .withEnv("JAVA_TOOL_OPTIONS", "-XX:AOTMode=on");
              },
              "--model credit-default --logical-date 2026-11-05 --column SEX".split(" "));
      assertEquals(20, ended.exitCode(), ended.log());
      assertEquals(
          "There are no rows of credit-default/2026-11-05 yet.",
          ended.errorMessage(),
          "the step's own sentence");
    }
  }

  @Test
  void aStepThatNobodyHasIsRefused() throws Exception {
    Ended ended =
        ended(
            mavenCommand("-pl", "tasks/steps", "jib:buildTar", "-Dretune.step=evaluate_modle"),
            TOP);

    assertNotEquals(0, ended.exitCode());
    assertTrue(ended.out().contains("has the step 'evaluate_modle'"), ended.out());
  }

  private static void alone(GenericContainer<?> step) {
    step.withEnv("RETUNE_STORE_WAIT", "0.2").withEnv("RETUNE_RUN_ID", "same");
  }

  private static InspectImageResponse inspect(String name) {
    return DockerClientFactory.lazyClient().inspectImageCmd(name + ":" + VERSION).exec();
  }

  /** The digests of an archive's first image, from the lowest layer to the highest. */
  private static List<String> layers(Path archive) throws IOException {
    try (var in = new TarArchiveInputStream(Files.newInputStream(archive))) {
      for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        if (entry.getName().equals("manifest.json")) {
          List<String> names = new ArrayList<>();
          for (JsonNode layer : JsonMapper.shared().readTree(in.readAllBytes()).at("/0/Layers")) {
            names.add(layer.stringValue());
          }
          return names;
        }
      }
    }
    throw new IOException("no manifest in " + archive);
  }

  /** What the page shows in a language. */
  private static String block(String page, String language) {
    List<MatchResult> found =
        Pattern.compile("^```" + language + "\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
            .matcher(page)
            .results()
            .toList();
    assertEquals(1, found.size(), language);
    return found.getFirst().group(1);
  }

  private static void mvn(Path where, String... words) throws Exception {
    run(where, mavenCommand(words).toArray(String[]::new));
  }

  private static List<String> mavenCommand(String... words) {
    String maven = TOP.resolve("mvnw").toString();
    String repository = "-Dmaven.repo.local=" + folder.resolve("m2");
    return Stream.concat(Stream.of(maven, "-B", "-q", repository), Stream.of(words)).toList();
  }

  private static void run(Path where, String... command) throws Exception {
    Ended ended = ended(List.of(command), where);
    assertEquals(0, ended.exitCode(), ended.out());
  }

  private static Ended ended(List<String> command, Path where) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(where.toFile()).redirectErrorStream(true);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), out, "");
  }
}
