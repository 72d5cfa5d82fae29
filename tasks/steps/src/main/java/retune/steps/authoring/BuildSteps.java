package retune.steps.authoring;

import com.google.auto.service.AutoService;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import retune.core.InvalidInputException;
import retune.model.AtomicFile;
import retune.runtime.About;
import retune.runtime.Catalogue;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Builds custom steps: compiles a folder's Java files into steps.jar in that folder, with"
            + " the catalogue that DAGs are checked against. Set RETUNE_STEPS to the folder, and"
            + " ./retune and the DAGs find the steps.",
    pipeline = Pipeline.AUTHORING,
    example = "--folder my-steps",
    hasImage = false)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class BuildSteps implements Step<BuildSteps.Input, BuildSteps.Output> {
  private static final String JAR = "steps.jar";
  private static final String CATALOGUE = "META-INF/retune/catalogue.json";
  private static final String SERVICES = "META-INF/services/" + Step.class.getName();

  /** A fixed time, so that the same sources give the same bytes. */
  private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  public record Input(
      @Field("folder with the Java files and any jars that they need besides Retune's")
          String folder) {}

  public record Output(
      @Field("path of the jar") String path,
      @Field("class names of the steps") List<String> steps,
      @Field("false if the same jar existed already") boolean changed) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path folder = Path.of(input.folder()).toAbsolutePath().normalize();
    Path jar = folder.resolve(JAR);
    List<Path> libraries = files(folder, ".jar");
    libraries.remove(jar);
    SortedMap<String, byte[]> classes = JavaSources.compile(files(folder, ".java"), libraries);
    List<Class<?>> steps =
        JavaSources.load(classes, libraries).stream().filter(BuildSteps::isStep).toList();
    if (steps.isEmpty()) {
      throw new InvalidInputException(
          "No public class in '"
              + folder
              + "' implements Step<Input, Output>; see docs/how-to/add-a-step.md.");
    }
    List<String> names = steps.stream().map(Class::getName).toList();
    classes.put(CATALOGUE, Catalogue.ofOwn(steps).getBytes(StandardCharsets.UTF_8));
    classes.put(SERVICES, String.join("\n", names).getBytes(StandardCharsets.UTF_8));
    byte[] content = zip(classes);
    boolean changed = !Files.exists(jar) || !Arrays.equals(Files.readAllBytes(jar), content);
    if (changed) {
      AtomicFile.write(jar, content);
    }
    return new Output(jar.toString(), names, changed);
  }

  private static boolean isStep(Class<?> type) {
    return Step.class.isAssignableFrom(type)
        && Modifier.isPublic(type.getModifiers())
        && !Modifier.isAbstract(type.getModifiers());
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException(
          "There is no folder '" + folder + "'; give the folder with your steps' Java files.");
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(ending) && Files.isRegularFile(file))
          .sorted()
          .collect(Collectors.toCollection(ArrayList::new));
    }
  }

  private static byte[] zip(SortedMap<String, byte[]> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry header = new ZipEntry(entry.getKey());
        header.setTimeLocal(NO_TIME);
        zip.putNextEntry(header);
        zip.write(entry.getValue());
      }
    }
    return bytes.toByteArray();
  }
}
