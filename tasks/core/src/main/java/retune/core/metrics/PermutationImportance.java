package retune.core.metrics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;

/**
 * How much a metric falls when the values of a column are shuffled among the rows, so that the
 * column says nothing of its row (Breiman, 2001, section 10; Fisher, Rudin &amp; Dominici, 2019).
 * What two columns say alike is in neither's importance.
 *
 * @param column the raw column
 * @param drop mean over the repeats
 * @param deviation standard deviation over the repeats; 0 for one repeat
 */
public record PermutationImportance(String column, double drop, double deviation) {

  /**
   * Measures each column, with the same shuffles for all of them.
   *
   * @param features at least one row
   * @param columns the features that each column gives, which are shuffled together
   * @param metric defined on these rows
   * @param model answers rows of features, in their order
   * @param repeats shuffles of each column, at least 1
   * @param progress receives the number of columns that are done
   * @return by column, in the order of the columns
   */
  public static List<PermutationImportance> of(
      Features features,
      Map<String, List<String>> columns,
      Metric metric,
      Function<Features, Predictions> model,
      int repeats,
      long seed,
      IntConsumer progress) {
    double value = metric.of(model.apply(features));
    List<int[]> orders = orders(features.rows(), repeats, new SplittableRandom(seed));
    List<PermutationImportance> importances = new ArrayList<>();
    columns.forEach(
        (column, names) -> {
          double[] drops =
              orders.stream()
                  .mapToDouble(
                      order -> value - metric.of(model.apply(shuffled(features, names, order))))
                  .toArray();
          double mean = Arrays.stream(drops).average().orElseThrow();
          double squares = Arrays.stream(drops).map(drop -> (drop - mean) * (drop - mean)).sum();
          importances.add(
              new PermutationImportance(
                  column, mean, repeats == 1 ? 0 : Math.sqrt(squares / (repeats - 1))));
          progress.accept(importances.size());
        });
    return importances;
  }

  private static List<int[]> orders(int rows, int repeats, SplittableRandom random) {
    List<int[]> orders = new ArrayList<>();
    for (int repeat = 0; repeat < repeats; repeat++) {
      int[] order = IntStream.range(0, rows).toArray();
      for (int last = rows - 1; last > 0; last--) {
        int other = random.nextInt(last + 1);
        int row = order[last];
        order[last] = order[other];
        order[other] = row;
      }
      orders.add(order);
    }
    return orders;
  }

  /** The rows with the values of some features taken from other rows. */
  private static Features shuffled(Features features, List<String> names, int[] order) {
    Set<String> wanted = new HashSet<>(names);
    FeatureSchema schema = features.schema();
    int[][] codes = features.codes().clone();
    for (int feature = 0; feature < codes.length; feature++) {
      if (wanted.contains(schema.categorical().get(feature).name())) {
        int[] column = codes[feature];
        codes[feature] = Arrays.stream(order).map(row -> column[row]).toArray();
      }
    }
    float[][] numbers = features.numbers().clone();
    for (int feature = 0; feature < numbers.length; feature++) {
      if (wanted.contains(schema.numeric().get(feature))) {
        float[] column = numbers[feature].clone();
        for (int row = 0; row < order.length; row++) {
          column[row] = numbers[feature][order[row]];
        }
        numbers[feature] = column;
      }
    }
    return new Features(schema, features.rows(), codes, numbers);
  }
}
