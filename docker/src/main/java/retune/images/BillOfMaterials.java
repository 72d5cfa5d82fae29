package retune.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The parts of a family of images, in CycloneDX: Retune's modules and libraries, as Maven's plug-in
 * lists them, and the Debian packages and Java that docker/stage.sh added. Each image has it as
 * {@code /opt/retune/bom.json}, and as text in {@code /opt/retune/THIRD-PARTY.txt}.
 */
record BillOfMaterials(ObjectNode document) {
  private static final Path FOLDER = Path.of("opt/retune");
  private static final String EMPTY =
      "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"version\":1,\"components\":[]}";

  /**
   * Reads a family's parts from the stage: {@code FOLDER.bom.json} by Maven, and from {@code
   * packages.txt} the lines {@code FOLDER NAME VERSION LICENCE} of the family's layers.
   */
  static BillOfMaterials of(Path stage, Family family) throws IOException {
    Path byMaven = stage.resolve(family.folder() + ".bom.json");
    String text = Files.exists(byMaven) ? Files.readString(byMaven) : EMPTY;
    BillOfMaterials bill = new BillOfMaterials((ObjectNode) JsonMapper.shared().readTree(text));
    for (String line : Files.readAllLines(stage.resolve("packages.txt"))) {
      String[] words = line.split(" ", 4);
      boolean isBelow = family.isJava() && List.of("base", "java").contains(words[0]);
      if (isBelow || family.folders().contains(words[0])) {
        bill.add(words[1], words[2], words[3]);
      }
    }
    return bill;
  }

  /** Writes the files into the folder that becomes the family's uppermost layer. */
  void write(Path stage, Family family) throws IOException {
    Path folder = Files.createDirectories(stage.resolve(family.folder()).resolve(FOLDER));
    Files.writeString(
        folder.resolve("bom.json"),
        JsonMapper.shared()
            .writer()
            .with(SerializationFeature.INDENT_OUTPUT)
            .writeValueAsString(document));
    Files.write(folder.resolve("THIRD-PARTY.txt"), parts());
  }

  /** A line for each part that is not Retune's own: name, version and licences, sorted. */
  List<String> parts() {
    return document
        .path("components")
        .valueStream()
        .filter(component -> !component.path("group").asString("").equals("retune"))
        .map(
            component ->
                "%s %s: %s"
                    .formatted(
                        Stream.of("group", "name")
                            .map(key -> component.path(key).asString(""))
                            .filter(text -> !text.isEmpty())
                            .collect(Collectors.joining(":")),
                        component.path("version").asString(""),
                        component
                            .path("licenses")
                            .valueStream()
                            .map(BillOfMaterials::named)
                            .collect(Collectors.joining(", "))))
        .sorted()
        .toList();
  }

  /** An SPDX expression: the licences of all parts. */
  String licenses() {
    return document
        .path("components")
        .valueStream()
        .flatMap(component -> component.path("licenses").valueStream())
        .map(BillOfMaterials::spdx)
        .filter(name -> !name.isEmpty())
        .map(name -> name.contains(" OR ") ? "(" + name + ")" : name)
        .distinct()
        .sorted()
        .collect(Collectors.joining(" AND "));
  }

  private static String spdx(JsonNode choice) {
    return choice.path("expression").asString(choice.at("/license/id").asString(""));
  }

  /** Its SPDX name or, if it has none, the name that its author gives. */
  private static String named(JsonNode choice) {
    String spdx = spdx(choice);
    return spdx.isEmpty() ? choice.at("/license/name").asString("") : spdx;
  }

  private void add(String name, String version, String licence) {
    ObjectNode component = document.withArray("components").addObject();
    component.put("type", "library").put("name", name).put("version", version);
    component.putArray("licenses").addObject().put("expression", licence);
  }
}
