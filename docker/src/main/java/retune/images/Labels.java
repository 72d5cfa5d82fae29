package retune.images;

import java.util.Map;
import java.util.TreeMap;

/**
 * What is the same for all images of a build.
 *
 * @param version tag of the images
 * @param revision commit that they are built from; empty where it is not known
 * @param source address of the sources; empty where it is not known
 */
record Labels(String version, String revision, String source) {
  private static final String PREFIX = "org.opencontainers.image.";

  /** The image's labels by the names of the OCI image specification, without those unknown. */
  Map<String, String> of(Image image, String licenses) {
    Map<String, String> labels = new TreeMap<>();
    labels.put(PREFIX + "title", image.name());
    labels.put(PREFIX + "description", image.description());
    labels.put(PREFIX + "version", version);
    labels.put(PREFIX + "revision", revision);
    labels.put(PREFIX + "source", source);
    labels.put(PREFIX + "licenses", licenses);
    labels.values().removeIf(String::isEmpty);
    return labels;
  }
}
