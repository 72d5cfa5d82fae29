package retune.core.distribution;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Generated rows as numbers.
 *
 * @param labels class index a row
 * @param values {@code [column][row]}: numbers, or positions of categories; NaN is missing
 */
record CodedRows(int[] labels, double[][] values) {
  /** All rows of the parts, of which there is at least one. */
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
