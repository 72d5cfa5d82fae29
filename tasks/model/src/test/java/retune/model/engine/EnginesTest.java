package retune.model.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import retune.core.data.FeatureSchema;
import retune.model.ModelFolder;
import retune.model.TestModels;

class EnginesTest {
  @Test
  void muchWorkRunsOnTheVectorEngineAndAFewRowsOnThePlainOne() {
    ModelFolder.Content model = TestModels.small(1);
    try (Engine much = Engines.open(model.version(), model.weights());
        Engine few = Engines.open(model.version(), model.weights(), 1)) {
      assertEquals("vector", much.name());
      assertEquals("plain", few.name());
    }
  }

  @Test
  void aTorchScriptArchiveWithoutPyTorchIsRefusedWithTheSettingThatHelps() {
    ModelFolder.Content model = TestModels.script();
    assertRefused(
        "only PyTorch runs, and this process was started without PyTorch. Set"
            + " RETUNE_ENGINE=pytorch",
        () -> Engines.open(model.version(), model.weights()));
  }

  @Test
  void withoutTheVectorModuleThePlainEngineRunsAndTheLogSaysWhy() throws Exception {
    String output = java();
    assertTrue(output.contains("plain [2, 2]"), output);
    assertTrue(output.contains("without --add-modules jdk.incubator.vector"), output);
  }

  @Test
  void withoutTheOptimisingCompilerThePlainEngineRunsAndTheLogSaysWhy() throws Exception {
    String output = java("--add-modules", "jdk.incubator.vector", "-XX:TieredStopAtLevel=1");
    assertTrue(output.contains("plain [2, 2]"), output);
    assertTrue(output.contains("optimising compiler is switched off"), output);
  }

  @Test
  @EnabledIfSystemProperty(named = "os.arch", matches = "amd64")
  void onAnOldProcessorThePlainEngineRunsAndTheLogSaysWhy() throws Exception {
    String output = java("--add-modules", "jdk.incubator.vector", "-XX:UseAVX=0");
    assertTrue(output.contains("plain [2, 2]"), output);
    assertTrue(output.contains("lacks AVX2"), output);
  }

  /** Runs {@link Program} in a Java process of its own and returns all that it prints. */
  private static String java(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Arrays.asList(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Program.class.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  /** Opens an engine and says which, with the logits' shape of two rows. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) {
      ModelFolder.Content model = TestModels.small(1);
      FeatureSchema schema = model.version().preprocessing().schema();
      try (Engine engine = Engines.open(model.version(), model.weights())) {
        float[] logits = engine.head(engine.encode(TestModels.features(schema, 2, 1)), 2);
        System.out.println(engine.name() + " " + List.of(2, logits.length / 2));
      }
    }
  }
}
