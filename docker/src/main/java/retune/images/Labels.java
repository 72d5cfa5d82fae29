package retune.images;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The labels that all images of a build share.
 *
 * @param version tag of the images
 * @param revision commit of the sources; empty if unknown
 * @param source address of the sources; empty if unknown
 */
record Labels(String version, String revision, String source) {
  private static final String PREFIX = "org.opencontainers.image.";

  /** The labels of a build in a folder of a git repository, or of none. */
  static Labels ofGit(String version, File folder) {
    return new Labels(
        version,
        git(folder, "rev-parse", "HEAD"),
        publicAddress(git(folder, "config", "--get", "remote.origin.url")));
  }

  /** The address if it is public, without a password; empty for a path of this machine. */
  static String publicAddress(String source) {
    return source.startsWith("https://") ? source.replaceFirst("//[^/@]*@", "//") : "";
  }

  /** The output of git; empty if git fails or is not installed. */
  private static String git(File folder, String... words) {
    List<String> command = Stream.concat(Stream.of("git"), Stream.of(words)).toList();
    try {
      Process process =
          new ProcessBuilder(command).directory(folder).redirectError(Redirect.DISCARD).start();
      String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? answer.strip() : "";
    } catch (IOException notInstalled) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CannotBuildException("Interrupted while asking git for the commit.", e);
    }
  }

  /** The image's known labels, by the names of the OCI image specification. */
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
