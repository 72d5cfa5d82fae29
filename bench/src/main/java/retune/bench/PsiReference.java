package retune.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.data.Features;
import retune.core.drift.Distances;

/**
 * Rows that days are compared with by the population stability index, as monitoring tools do: of
 * each feature, by the deciles of these rows or by its codes.
 *
 * @param edges by feature; none for codes
 * @param counts of the reference, by feature
 */
record PsiReference(List<float[]> edges, List<long[]> counts) {
  private static final int BINS = 10;

  static PsiReference of(Features reference) {
    List<float[]> edges = new ArrayList<>();
    for (float[] numbers : reference.numbers()) {
      float[] sorted = numbers.clone();
      Arrays.sort(sorted);
      double[] distinct =
          IntStream.range(1, BINS)
              .mapToDouble(bin -> sorted[bin * sorted.length / BINS])
              .distinct()
              .toArray();
      float[] limits = new float[distinct.length];
      for (int i = 0; i < limits.length; i++) {
        limits[i] = (float) distinct[i];
      }
      edges.add(limits);
    }
    return new PsiReference(edges, counts(reference, edges));
  }

  /** The greatest index of a feature. */
  double greatest(Features day) {
    List<long[]> current = counts(day, edges);
    return IntStream.range(0, counts.size())
        .mapToDouble(feature -> Distances.psi(counts.get(feature), current.get(feature)))
        .max()
        .orElse(0);
  }

  private static List<long[]> counts(Features rows, List<float[]> edges) {
    Stream<long[]> codes =
        IntStream.range(0, rows.codes().length)
            .mapToObj(
                feature ->
                    codes(
                        rows.codes()[feature],
                        rows.schema().categorical().get(feature).cardinality()));
    Stream<long[]> numbers =
        IntStream.range(0, edges.size())
            .mapToObj(feature -> numbers(rows.numbers()[feature], edges.get(feature)));
    return Stream.concat(codes, numbers).toList();
  }

  private static long[] codes(int[] values, int cardinality) {
    long[] counts = new long[cardinality];
    for (int value : values) {
      counts[value]++;
    }
    return counts;
  }

  private static long[] numbers(float[] values, float[] edges) {
    long[] counts = new long[edges.length + 1];
    for (float value : values) {
      int found = Arrays.binarySearch(edges, value);
      counts[found < 0 ? -found - 1 : found + 1]++;
    }
    return counts;
  }
}
