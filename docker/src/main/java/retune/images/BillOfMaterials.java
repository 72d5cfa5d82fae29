package retune.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a family of images is made of, in CycloneDX: Retune's modules and libraries, as Maven's
 * plugin lists them, and what docker/stage.sh took from elsewhere. It lies in each image as {@code
 * /opt/retune/bom.json}.
 */
record BillOfMaterials(ObjectNode document) {
  private static final Path FILE = Path.of("opt/retune/bom.json");
  private static final String EMPTY =
      "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"version\":1,\"components\":[]}";

  /**
   * Reads what the stage says of a family: {@code FOLDER.bom.json} by Maven, and of the lines of
   * {@code packages.txt}, {@code FOLDER NAME VERSION LICENCE}, those of its layers.
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

  /** Puts it where the family's uppermost layer takes it from. */
  void write(Path stage, Family family) throws IOException {
    Path file = stage.resolve(family.folder()).resolve(FILE);
    Files.createDirectories(file.getParent());
    Files.writeString(
        file,
        JsonMapper.shared()
            .writer()
            .with(SerializationFeature.INDENT_OUTPUT)
            .writeValueAsString(document));
  }

  /** An SPDX expression: the licences of all parts. */
  String licenses() {
    Set<String> names = new TreeSet<>();
    for (JsonNode component : document.path("components")) {
      for (JsonNode choice : component.path("licenses")) {
        String expression = choice.path("expression").asString("");
        String id = choice.path("license").path("id").asString(expression);
        if (!id.isEmpty()) {
          names.add(id.contains(" OR ") ? "(" + id + ")" : id);
        }
      }
    }
    return String.join(" AND ", names);
  }

  private void add(String name, String version, String licence) {
    ObjectNode component = document.withArray("components").addObject();
    component.put("type", "library").put("name", name).put("version", version);
    component.putArray("licenses").addObject().put("expression", licence);
  }
}
