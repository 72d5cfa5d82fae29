package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.engine.Engine;
import retune.model.engine.VectorEngine;

/**
 * Answers all rows of a file each time a line {@code THREADS BATCH} comes in, and replies with a
 * line of JSON: CPU seconds of this process, collector and compiler included, wall seconds, and the
 * floats of a vector here. The logits are written beside the file, as {@code
 * logits-THREADS-BATCH.bin}, little-endian float32.
 */
public final class EvaluationWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private EvaluationWorker() {}

  /**
   * Answers requests until there are no more.
   *
   * @param words the model's folder; a file of the rows' features, column by column: codes as
   *     little-endian int32, then numbers as float32
   */
  public static void main(String[] words) throws IOException {
    ModelFolder.Content model = ModelFolder.read(Path.of(words[0]), CodeTrust.REFUSED);
    Path file = Path.of(words[1]);
    Features features = read(file, model.version().preprocessing().schema());
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] request = line.split(" ", -1);
      int batch = Integer.parseInt(request[1]);
      try (Engine engine =
          new VectorEngine(model.version(), model.weights(), Integer.parseInt(request[0]))) {
        long cpu = SYSTEM.getProcessCpuTime();
        long start = System.nanoTime();
        byte[] logits = answer(engine, features, batch);
        long wall = System.nanoTime() - start;
        cpu = SYSTEM.getProcessCpuTime() - cpu;
        Files.write(
            file.resolveSibling("logits-" + request[0] + "-" + request[1] + ".bin"), logits);
        System.out.printf(
            Locale.ROOT,
            "{\"cpu\": %.6f, \"wall\": %.6f, \"lanes\": %d}%n",
            cpu / 1e9,
            wall / 1e9,
            FloatVector.SPECIES_PREFERRED.length());
      }
    }
  }

  private static byte[] answer(Engine engine, Features features, int batch) {
    byte[] bytes = new byte[features.rows() * 2 * Float.BYTES];
    ByteBuffer logits = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int from = 0; from < features.rows(); from += batch) {
      int to = Math.min(from + batch, features.rows());
      float[] encoded = engine.encode(features.select(IntStream.range(from, to).toArray()));
      for (float logit : engine.head(encoded, to - from)) {
        logits.putFloat(logit);
      }
    }
    return bytes;
  }

  private static Features read(Path file, FeatureSchema schema) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int rows = bytes.capacity() / Float.BYTES / schema.size();
    int[][] codes = new int[schema.categorical().size()][rows];
    float[][] numbers = new float[schema.numeric().size()][rows];
    for (int[] column : codes) {
      for (int row = 0; row < rows; row++) {
        column[row] = bytes.getInt();
      }
    }
    for (float[] column : numbers) {
      for (int row = 0; row < rows; row++) {
        column[row] = bytes.getFloat();
      }
    }
    return new Features(schema, rows, codes, numbers);
  }
}
