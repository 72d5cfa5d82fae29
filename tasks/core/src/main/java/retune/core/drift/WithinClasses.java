package retune.core.drift;

import java.util.List;
import java.util.stream.IntStream;
import retune.core.statistics.Philox;

/**
 * Whether the rows of each class look as before, which they do where only the shares of the classes
 * have changed. The statistic is the kernel distance of each class's rows in the two samples, added
 * up; the p-value comes from dividing the rows of each class at random, so that the shares of the
 * classes stay as they are.
 */
final class WithinClasses {
  private WithinClasses() {}

  /**
   * The p-value; NaN if no class has {@value DriftDetector#LEAST_ROWS} rows in both samples.
   *
   * @param referenceLabels a class per row; others than 0 to {@code classes} − 1 are left out
   */
  static double pValue(
      List<KernelMeans.Binned> columns,
      int classes,
      int[] referenceLabels,
      int[] currentLabels,
      int resamples,
      long seed) {
    double observed = 0;
    double[] drawn = new double[resamples];
    boolean isCompared = false;
    for (int label = 0; label < classes; label++) {
      int[] reference = rowsOf(label, referenceLabels);
      int[] current = rowsOf(label, currentLabels);
      if (Math.min(reference.length, current.length) < DriftDetector.LEAST_ROWS) {
        continue;
      }
      isCompared = true;
      Redivisions divisions =
          new Redivisions(
              reference.length, current.length, resamples, new Philox(seed, 2L * label));
      KernelMeans means =
          new KernelMeans(
              columns.stream().map(column -> column.select(reference, current)).toList(),
              divisions,
              new Philox(seed, 2L * label + 1));
      // By chance, the distance of two samples grows with the sum of their reciprocal sizes.
      double weight = 1 / (1.0 / reference.length + 1.0 / current.length);
      observed += weight * means.observed();
      double[] redivided = means.redivided();
      for (int division = 0; division < resamples; division++) {
        drawn[division] += weight * redivided[division];
      }
    }
    if (!isCompared) {
      return Double.NaN;
    }
    int above = 0;
    for (double value : drawn) {
      above += value >= observed ? 1 : 0;
    }
    return (1.0 + above) / (resamples + 1);
  }

  private static int[] rowsOf(int label, int[] labels) {
    return IntStream.range(0, labels.length).filter(row -> labels[row] == label).toArray();
  }
}
