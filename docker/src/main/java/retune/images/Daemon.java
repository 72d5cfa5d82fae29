package retune.images;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The local Docker daemon, through its command line, which knows contexts, sockets and logins. */
final class Daemon {
  private Daemon() {}

  /** Fails if no daemon answers, so that nothing is built in vain. */
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
        "Docker does not accept images (%s). Start its daemon, or write files instead with 'make images TARS=folder'."
            .formatted(reason));
  }
}
