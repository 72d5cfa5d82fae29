package retune.loop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import retune.runtime.Json;
import tools.jackson.databind.JsonNode;

/** Starts steps in processes of their own, against one store. */
public final class StepProcess {
  private final Path folder;
  private final Map<String, String> environment;

  public StepProcess(Path folder, String mongoUri) {
    this.folder = folder;
    this.environment =
        Map.of(
            "RETUNE_MONGO_URI", mongoUri,
            "RETUNE_DEPLOYMENT_DIR", folder.resolve("deployment").toString(),
            "RETUNE_DAG_ID", "loop",
            "RETUNE_RUN_ID", "the-run",
            "OMP_NUM_THREADS", "1");
  }

  /** Starts the step and does not wait for its end. */
  public Process start(String... words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-XX:+UseSerialGC",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.graph_optimizer=false",
                "-cp",
                System.getProperty("java.class.path"),
                "retune.runtime.Main"));
    command.addAll(List.of(words));
    command.addAll(List.of("--xcom", resultFile().toString()));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true).redirectOutput(logFile().toFile());
    return builder.start();
  }

  /** Runs the step to its end, which must be a good one. */
  public JsonNode run(String... words) throws Exception {
    Process process = start(words);
    if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new AssertionError(
          String.join(" ", words) + " failed:\n" + Files.readString(logFile()));
    }
    return Json.MAPPER.readTree(Files.readString(resultFile()));
  }

  private Path resultFile() {
    return folder.resolve("return.json");
  }

  private Path logFile() {
    return folder.resolve("step.log");
  }
}
