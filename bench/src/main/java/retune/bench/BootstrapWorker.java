package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Bootstrap;
import retune.core.statistics.PairedBootstrap;

/**
 * Resamples the differences of six metrics of two models, and prints a line of JSON: CPU seconds of
 * this process, collector and compiler included, wall seconds, and the standard errors. It first
 * writes the rows to a file: label, probability of the first model, of the second.
 */
public final class BootstrapWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  private static final Set<Metric> METRICS =
      EnumSet.of(Metric.ACCURACY, Metric.PRECISION, Metric.RECALL, Metric.F1_SCORE, Metric.ROC_AUC);

  private BootstrapWorker() {}

  /**
   * Measures once.
   *
   * @param words the file to write, the number of rows, the number of resamples
   */
  public static void main(String[] words) throws IOException {
    int rows = Integer.parseInt(words[1]);
    int resamples = Integer.parseInt(words[2]);
    Random random = new Random(11);
    int[] labels =
        IntStream.range(0, rows).map(row -> random.nextDouble() < 0.22 ? 1 : 0).toArray();
    double[] shared = IntStream.range(0, rows).mapToDouble(_ -> random.nextGaussian()).toArray();
    Predictions first = predictions(labels, shared, 1.0, random);
    Predictions second = predictions(labels, shared, 1.3, random);
    List<String> lines = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      lines.add(labels[row] + "," + first.probability(row, 1) + "," + second.probability(row, 1));
    }
    Files.write(Path.of(words[0]), lines);

    long cpu = SYSTEM.getProcessCpuTime();
    long start = System.nanoTime();
    Map<Metric, Bootstrap> differences =
        new PairedBootstrap(0, resamples).differences(METRICS, first, second);
    Bootstrap logLoss = new PairedBootstrap(0, resamples).mean(losses(first, second));
    long wall = System.nanoTime() - start;
    cpu = SYSTEM.getProcessCpuTime() - cpu;
    StringBuilder errors = new StringBuilder();
    differences.forEach(
        (metric, bootstrap) ->
            errors.append(
                String.format(
                    Locale.ROOT, ", \"%s\": %.6f", metric.id(), bootstrap.standardError())));
    System.out.printf(
        Locale.ROOT,
        "{\"cpu\": %.6f, \"wall\": %.6f, \"log_loss\": %.6f%s}%n",
        cpu / 1e9,
        wall / 1e9,
        logLoss.standardError(),
        errors);
  }

  private static double[] losses(Predictions first, Predictions second) {
    double[] before = ClassificationMetrics.logLosses(first);
    double[] after = ClassificationMetrics.logLosses(second);
    return IntStream.range(0, before.length).mapToDouble(row -> before[row] - after[row]).toArray();
  }

  private static Predictions predictions(
      int[] labels, double[] shared, double skill, Random random) {
    double[] probabilities = new double[2 * labels.length];
    for (int row = 0; row < labels.length; row++) {
      double logit =
          skill * (2 * labels[row] - 1) - 0.6 + shared[row] + 0.5 * random.nextGaussian();
      probabilities[2 * row + 1] = 1 / (1 + Math.exp(-logit));
      probabilities[2 * row] = 1 - probabilities[2 * row + 1];
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }
}
