package retune.runtime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;

/** A step in a process of its own, started as its image starts it. */
final class StepProcess {
  /** What the process left behind. */
  record Ended(int exitCode, String out, String err) {
    JsonNode json() {
      return Json.MAPPER.readTree(out);
    }

    /** The {@code message} of the error JSON on standard output. */
    String errorMessage() {
      return json().at("/error/message").stringValue();
    }
  }

  private StepProcess() {}

  static Process start(Map<String, String> environment, String... words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "retune.runtime.Main"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("RETUNE_"));
    builder.environment().putAll(environment);
    return builder.start();
  }

  static Ended run(Map<String, String> environment, String... words) throws Exception {
    return end(start(environment, words));
  }

  static Ended end(Process process) throws Exception {
    process.getOutputStream().close();
    CompletableFuture<String> err =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
    return new Ended(process.exitValue(), out, err.get());
  }
}
