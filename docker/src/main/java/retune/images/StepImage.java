package retune.images;

import com.google.cloud.tools.jib.api.buildplan.ContainerBuildPlan;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.FileEntry;
import com.google.cloud.tools.jib.api.buildplan.LayerObject;
import com.google.cloud.tools.jib.maven.extension.JibMavenPluginExtension;
import com.google.cloud.tools.jib.maven.extension.MavenData;
import com.google.cloud.tools.jib.plugins.extension.ExtensionLogger;
import com.google.cloud.tools.jib.plugins.extension.ExtensionLogger.LogLevel;
import com.google.cloud.tools.jib.plugins.extension.JibPluginExtensionException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * Makes jib-maven-plugin build a step's image as {@code make images} does: {@code ./mvnw -pl
 * tasks/steps jib:dockerBuild -Dretune.step=evaluate_model}.
 *
 * <p>Reads three Maven properties: {@code retune.step}, the step or image to build; {@code
 * retune.home}, the checkout of Retune whose stage is built; and, for a step that is not one of
 * Retune's, {@code retune.family}, {@code light} or {@code learning}. A step of another project
 * gets that project's jars in layers above the family's.
 */
public final class StepImage implements JibMavenPluginExtension<Void> {
  private static final String STEP = "retune.step";
  private static final String HOME = "retune.home";
  private static final String FAMILY = "retune.family";

  private static final Set<String> ARGUMENT_FILES =
      Set.of("jib-classpath-file", "jib-main-class-file");

  @Override
  public Optional<Class<Void>> getExtraConfigType() {
    return Optional.empty();
  }

  @Override
  public ContainerBuildPlan extendContainerBuildPlan(
      ContainerBuildPlan plan,
      Map<String, String> properties,
      Optional<Void> configuration,
      MavenData maven,
      ExtensionLogger logger)
      throws JibPluginExtensionException {
    try {
      return extend(plan, maven, logger);
    } catch (CannotBuildException e) {
      throw new JibPluginExtensionException(
          StepImage.class, Optional.ofNullable(e.getMessage()).orElse(""), e);
    } catch (IOException e) {
      throw new JibPluginExtensionException(
          StepImage.class, "The image's files cannot be read: " + e, e);
    }
  }

  private static ContainerBuildPlan extend(
      ContainerBuildPlan plan, MavenData maven, ExtensionLogger logger) throws IOException {
    Path home = Path.of(required(maven, HOME));
    Path stage = home.resolve("docker/target/stage");
    if (!Files.isReadable(stage.resolve("packages.txt"))) {
      throw new CannotBuildException(
          "'%s' does not hold the images' files; run 'make stage' in %s.".formatted(stage, home));
    }
    String step = required(maven, STEP);
    String name = Image.nameOf(step);
    Optional<Image> known =
        Image.all(home.resolve("airflow/dags/retune/catalogue.json")).values().stream()
            .flatMap(List::stream)
            .filter(image -> image.name().equals(name))
            .findFirst();
    List<FileEntriesLayer> own = known.isPresent() ? List.of() : filled(plan.getLayers());
    Image image = known.isPresent() ? known.get() : custom(step, own, stage, maven);

    BillOfMaterials bill = BillOfMaterials.of(stage, image.family());
    bill.write(stage, image.family());
    List<FileEntriesLayer> layers = new ArrayList<>(new Layers(stage).of(image.family(), true));
    layers.addAll(own);
    Labels ofBuild =
        Labels.ofGit(maven.getMavenProject().getVersion(), maven.getMavenProject().getBasedir());
    Map<String, String> labels = new TreeMap<>(ofBuild.of(image, bill.licenses()));
    labels.putAll(plan.getLabels());
    Map<String, String> environment = new TreeMap<>(image.environment(ofBuild.revision()));
    environment.putAll(plan.getEnvironment());
    logger.log(
        LogLevel.LIFECYCLE,
        "%s: %d layers of the %s family, %d of this project"
            .formatted(
                image.name(),
                layers.size() - own.size(),
                image.family().name().toLowerCase(Locale.ROOT),
                own.size()));
    return plan.toBuilder()
        .setBaseImage("scratch")
        .setLayers(layers)
        .setEntrypoint(image.start())
        .setEnvironment(environment)
        .setLabels(labels)
        .setUser(Builder.USER)
        .setCreationTime(Instant.EPOCH)
        .build();
  }

  /** A step of another project: its jars follow the family's on the class path. */
  private static Image custom(
      String step, List<FileEntriesLayer> layers, Path stage, MavenData maven) throws IOException {
    List<FileEntry> jars =
        layers.stream()
            .flatMap(layer -> layer.getEntries().stream())
            .filter(file -> file.getExtractionPath().toString().endsWith(".jar"))
            .toList();
    if (!haveStep(jars, step)) {
      throw new CannotBuildException(
          "Neither Retune nor a jar of this project has the step '%s'; correct %s, or set <containerizingMode>packaged</containerizingMode>."
              .formatted(step, STEP));
    }
    Family family =
        switch (property(maven, FAMILY)) {
          case null -> Family.LIGHT;
          case "light" -> Family.LIGHT;
          case "learning" -> Family.LEARNING;
          case String other ->
              throw new CannotBuildException(
                  "%s is '%s'; set it to light or learning.".formatted(FAMILY, other));
        };
    String description =
        Optional.ofNullable(maven.getMavenProject().getDescription()).orElse("").strip();
    List<String> paths = jars.stream().map(jar -> jar.getExtractionPath().toString()).toList();
    return Image.custom(step, family, description, classPath(stage, family), paths);
  }

  /** Whether a jar declares the step as a service. */
  private static boolean haveStep(List<FileEntry> jars, String step) throws IOException {
    for (FileEntry jar : jars) {
      try (ZipFile zip = new ZipFile(jar.getSourceFile().toFile())) {
        ZipEntry services = zip.getEntry("META-INF/services/retune.runtime.Step");
        if (services != null
            && new String(zip.getInputStream(services).readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .map(StepImage::stepName)
                .anyMatch(step.replace('-', '_')::equals)) {
          return true;
        }
      }
    }
    return false;
  }

  /** The name of a step's class as the command line has it: {@code CountLabels}, count_labels. */
  private static String stepName(String className) {
    String simple = className.strip().replaceFirst(".*[.]", "");
    return simple.replaceAll("(?<=.)([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  /** The class path that the family's class archive was made for. */
  private static String classPath(Path stage, Family family) throws IOException {
    List<String> options =
        Files.readAllLines(stage.resolve(family.folder()).resolve("opt/retune/java.options"));
    return options.get(options.indexOf("-cp") + 1);
  }

  /** The project's own layers without the argument files of the plugin's entry point. */
  private static List<FileEntriesLayer> filled(List<? extends LayerObject> layers) {
    return layers.stream()
        .filter(FileEntriesLayer.class::isInstance)
        .map(FileEntriesLayer.class::cast)
        .filter(layer -> !layer.getEntries().isEmpty())
        .filter(layer -> !layer.getEntries().stream().allMatch(StepImage::isArgumentFile))
        .toList();
  }

  private static boolean isArgumentFile(FileEntry file) {
    return ARGUMENT_FILES.contains(
        String.valueOf(Path.of(file.getExtractionPath().toString()).getFileName()));
  }

  private static String required(MavenData maven, String name) {
    String value = property(maven, name);
    if (value == null || value.isBlank()) {
      throw new CannotBuildException(
          "The Maven property %s is missing; see docs/how-to/build-images.md.".formatted(name));
    }
    return value;
  }

  private static @Nullable String property(MavenData maven, String name) {
    String given = maven.getMavenSession().getUserProperties().getProperty(name);
    return given != null ? given : maven.getMavenProject().getProperties().getProperty(name);
  }
}
