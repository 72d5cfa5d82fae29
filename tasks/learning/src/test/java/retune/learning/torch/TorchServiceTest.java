package retune.learning.torch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.learning.Examples;
import retune.learning.training.InitialWeights;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.PlainEngine;

/** Where the class path has PyTorch and the fast path cannot run, PyTorch answers. */
class TorchServiceTest {
  private static final String CLASS_PATH = System.getProperty("java.class.path");

  @Test
  void withoutTheVectorModulePyTorchRunsAndTheLogSaysWhy() throws Exception {
    String output = java(CLASS_PATH);
    assertTrue(output.contains("pytorch, differs by less than 1e-5: true"), output);
    assertTrue(
        output.contains("pytorch engine with")
            && output.contains("without --add-modules jdk.incubator.vector"),
        output);
  }

  @Test
  void theFastPathRunsWhereItCan() throws Exception {
    String output = java(CLASS_PATH, "--add-modules", "jdk.incubator.vector");
    assertTrue(output.contains("vector, differs by less than 1e-5: true"), output);
  }

  @Test
  void whereTheLibraryIsNotOnTheClassPathThePlainEngineRuns() throws Exception {
    String withoutLibrary =
        Arrays.stream(CLASS_PATH.split(File.pathSeparator))
            .filter(entry -> !entry.contains("ai" + File.separator + "djl"))
            .collect(Collectors.joining(File.pathSeparator));
    String output = java(withoutLibrary);
    assertTrue(output.contains("plain, differs by less than 1e-5: true"), output);
  }

  /** Runs {@link Program} in a Java process of its own and returns all that it prints. */
  private static String java(String classPath, String... options)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Arrays.asList(options));
    command.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "-cp", classPath, Program.class.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  /** Opens an engine and compares it with the plain one. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) {
      FeatureSchema schema = Examples.schema(2, 3);
      Weights weights = InitialWeights.of(Examples.SMALL, schema, 2, new SplittableRandom(1));
      ModelVersion version = Examples.version(Examples.SMALL, schema, Examples.TARGET, weights);
      Features rows = Examples.features(schema, 300, 1);
      try (Engine engine = Engines.open(version, weights);
          Engine plain = new PlainEngine(version, weights, 1)) {
        float[] logits = engine.head(engine.encode(rows), 300);
        float[] expected = plain.head(plain.encode(rows), 300);
        boolean same = logits.length == expected.length;
        for (int i = 0; i < expected.length; i++) {
          same &= Math.abs(logits[i] - expected[i]) < 1e-5;
        }
        System.out.println(engine.name() + ", differs by less than 1e-5: " + same);
      }
    }
  }
}
