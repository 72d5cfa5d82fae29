package retune.core.distribution;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Generated rows, coded as numbers.
 *
 * @param labels class index per row
 * @param values {@code [column][row]}: numbers, or positions of categories; NaN if missing
 */
record CodedRows(int[] labels, double[][] values) {
  /** The rows of all parts, in order; there must be at least one part. */
  static CodedRows concatenate(List<CodedRows> parts) {
    int columns = parts.getFirst().values.length;
    return new CodedRows(
        parts.stream().flatMapToInt(part -> Arrays.stream(part.labels)).toArray(),
        IntStream.range(0, columns)
            .mapToObj(
                column ->
                    parts.stream().flatMapToDouble(p -> Arrays.stream(p.values[column])).toArray())
            .toArray(double[][]::new));
  }
}
