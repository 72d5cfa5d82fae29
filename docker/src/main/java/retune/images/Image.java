package retune.images;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One image.
 *
 * @param name without registry and tag: {@code retune/evaluate-model}
 * @param start the entry point; the arguments of {@code docker run} follow it
 */
record Image(String name, Family family, String description, List<String> start) {
  private static final List<String> JAVA =
      List.of("/opt/java/bin/java", "@/opt/retune/java.options");

  private static final String MAIN = "retune.runtime.Main";

  /** The pipeline of steps that must listen on all addresses, to be reached in their containers. */
  private static final String SERVICES = "serving";

  private static final int STORE_PORT = 27_018;

  /**
   * All images by family: one for each step in the catalogue, a second one with PyTorch if the step
   * runs a model, the store and the sidecar.
   *
   * @param catalogue the file with the steps' declarations
   */
  static Map<Family, List<Image>> all(Path catalogue) {
    if (!Files.isReadable(catalogue)) {
      throw new CannotBuildException(
          "Cannot read the steps' catalogue '%s'. Run 'make catalogue'.".formatted(catalogue));
    }
    Map<Family, List<Image>> images = new TreeMap<>();
    JsonNode steps = JsonMapper.shared().readTree(catalogue).get("steps");
    for (var step : steps.properties()) {
      if (!step.getValue().get("has_image").booleanValue()) {
        continue;
      }
      Image image = ofStep(step.getKey(), step.getValue());
      images.computeIfAbsent(image.family, family -> new ArrayList<>()).add(image);
      if (step.getValue().get("runs_model").booleanValue()) {
        images
            .computeIfAbsent(Family.LEARNING, family -> new ArrayList<>())
            .add(image.withPytorch());
      }
    }
    images.put(
        Family.STORE,
        List.of(
            new Image(
                "retune/store",
                Family.STORE,
                "The embedded document store, for trials on one machine; it has no authentication.",
                start(
                    "retune.devstore.Main",
                    "--host",
                    "0.0.0.0",
                    "--port",
                    "" + STORE_PORT,
                    "--data",
                    "/data"))));
    images.put(
        Family.SIDECAR,
        List.of(
            new Image(
                "retune/xcom-sidecar",
                Family.SIDECAR,
                "The sidecar through which KubernetesPodOperator reads a step's result.",
                List.of("sh"))));
    return images;
  }

  /** The name of a step's image, however the step's words are joined. */
  static String nameOf(String step) {
    return "retune/" + step.replace('_', '-');
  }

  /**
   * An image of a step that is not one of Retune's.
   *
   * @param classPath the family's class path
   * @param jars the jars that have the step, in the image
   */
  static Image custom(
      String step, Family family, String description, String classPath, List<String> jars) {
    return new Image(
        nameOf(step),
        family,
        description,
        start("-cp", classPath + ":" + String.join(":", jars), MAIN, step.replace('-', '_')));
  }

  /**
   * The variables that every container of the image has.
   *
   * @param revision commit of the sources, which steps record; empty if unknown
   */
  Map<String, String> environment(String revision) {
    Map<String, String> environment = new TreeMap<>(family.environment());
    environment.put("LANG", "C.UTF-8");
    if (!revision.isEmpty()) {
      environment.put("RETUNE_CODE_REVISION", revision);
    }
    return environment;
  }

  private Image withPytorch() {
    return new Image(name + "-pytorch", Family.LEARNING, description, start);
  }

  private static Image ofStep(String name, JsonNode declared) {
    Family family =
        switch (declared.get("family").stringValue()) {
          case "light" -> Family.LIGHT;
          case "learning" -> Family.LEARNING;
          case String other ->
              throw new CannotBuildException(
                  "Step %s has the family '%s', which is not in retune.images.Family."
                      .formatted(name, other));
        };
    List<String> words = new ArrayList<>();
    if (declared.get("keeps_books").booleanValue()) {
      words.add("-XX:TieredStopAtLevel=1");
    }
    words.addAll(List.of(MAIN, name));
    if (declared.get("pipeline").stringValue().equals(SERVICES)) {
      words.addAll(List.of("--input", "{\"host\":\"0.0.0.0\"}"));
    }
    return new Image(
        nameOf(name),
        family,
        declared.get("summary").stringValue(),
        start(words.toArray(String[]::new)));
  }

  private static List<String> start(String... words) {
    List<String> start = new ArrayList<>(JAVA);
    start.addAll(List.of(words));
    return List.copyOf(start);
  }
}
