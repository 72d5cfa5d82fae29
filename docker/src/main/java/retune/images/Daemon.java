package retune.images;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The local Docker daemon, by its command line: that knows contexts, sockets and log-ins. */
final class Daemon {
  private Daemon() {}

  /** Refuses, before anything is built, where no daemon answers. */
  static void require() {
    run("version", "--format", "{{.Server.Version}}");
  }

  /** Loads all images of a file. */
  static void load(Path archive) {
    run("load", "--quiet", "--input", archive.toString());
  }

  private static void run(String... words) {
    List<String> command = Stream.concat(Stream.of("docker"), Stream.of(words)).toList();
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw noDaemon(said.strip());
      }
    } catch (IOException notInstalled) {
      throw noDaemon("the program docker is not installed");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw noDaemon("interrupted");
    }
  }

  private static CannotBuildException noDaemon(String reason) {
    return new CannotBuildException(
        "Docker did not take the images (%s); start its daemon, or write them to files with 'make images TARS=folder'."
            .formatted(reason));
  }
}
