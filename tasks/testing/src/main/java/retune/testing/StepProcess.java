package retune.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import retune.runtime.Json;
import tools.jackson.databind.JsonNode;

/**
 * Starts steps in processes of their own, as their images start them, with the class path of the
 * test.
 *
 * @param environment the variables to set; of the test's own, those named {@code RETUNE_…} are
 *     removed
 * @param options options of the JVM
 */
public record StepProcess(Map<String, String> environment, List<String> options) {
  private static final int MINUTES = 5;

  /** What the process left behind. */
  public record Ended(int exitCode, String out, String err) {
    public JsonNode json() {
      return Json.MAPPER.readTree(out);
    }

    /** The {@code message} of the error JSON on standard output. */
    public String errorMessage() {
      return json().at("/error/message").stringValue();
    }
  }

  /** For steps that do little: a JVM that starts fast and computes slowly. */
  public static StepProcess light(Map<String, String> environment) {
    return new StepProcess(environment, List.of("-XX:TieredStopAtLevel=1"));
  }

  /** For steps that run or train a model: the JVM's options are those of {@code ./retune}. */
  public static StepProcess withModels(Map<String, String> environment) {
    return new StepProcess(
        environment,
        List.of(
            "-XX:+UseSerialGC",
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-Dai.djl.offline=true",
            "-Dai.djl.pytorch.graph_optimizer=false"));
  }

  /** The same with more options of the JVM. */
  public StepProcess withOptions(String... more) {
    return new StepProcess(environment, Stream.concat(options.stream(), Stream.of(more)).toList());
  }

  /** Starts the step and does not wait for its end. */
  public Process start(String... words) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "retune.runtime.Main"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("RETUNE_"));
    builder.environment().putAll(environment);
    return builder.start();
  }

  /** Runs the step and returns whatever it left behind. */
  public Ended run(String... words) throws Exception {
    return end(start(words));
  }

  /** Runs the step, which must succeed, and returns its result. */
  public JsonNode result(String... words) throws Exception {
    Ended ended = run(words);
    if (ended.exitCode() != 0) {
      throw new AssertionError(String.join(" ", words) + " failed:\n" + ended.err());
    }
    return ended.json();
  }

  /** Waits until a started step has ended. */
  public static Ended end(Process process) throws Exception {
    process.getOutputStream().close();
    CompletableFuture<String> out =
        CompletableFuture.supplyAsync(() -> text(process.getInputStream()));
    CompletableFuture<String> err =
        CompletableFuture.supplyAsync(() -> text(process.getErrorStream()));
    if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
      process.destroyForcibly().waitFor();
    }
    return new Ended(process.exitValue(), out.join(), err.join());
  }

  private static String text(InputStream stream) {
    try {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
