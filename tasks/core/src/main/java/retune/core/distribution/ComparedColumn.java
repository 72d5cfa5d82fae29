package retune.core.distribution;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.data.Column;
import retune.core.distribution.QualityReport.ColumnShape;
import retune.core.distribution.QualityReport.PairTrend;

/**
 * A column of a real and a synthetic table, prepared for comparison.
 *
 * @param real values of the real table
 * @param synthetic values of the synthetic table
 */
record ComparedColumn(String name, boolean categorical, Values real, Values synthetic) {
  private static final int BINS = 10;
  private static final double LEAST_CORRELATION = 0.5;
  private static final double LEAST_ASSOCIATION = 0.3;

  /**
   * The values of the column in one table.
   *
   * @param numbers one per row: the number, or the code of the category, which is the same in both
   *     tables; NaN if missing
   * @param codes one per row: the code of the category, or the bin of the number; missing values
   *     have a code too
   */
  record Values(double[] numbers, int[] codes) {
    double[] present() {
      return Arrays.stream(numbers).filter(number -> !Double.isNaN(number)).sorted().toArray();
    }
  }

  /**
   * Prepares a column.
   *
   * @param codes whether numbers are codes of categories
   */
  static ComparedColumn of(Column real, Column synthetic, boolean codes) {
    if (real instanceof Column.Texts dates && synthetic instanceof Column.Texts others) {
      Optional<double[]> days = Days.ofMany(dates);
      Optional<double[]> otherDays = days.isPresent() ? Days.of(others) : Optional.empty();
      if (otherDays.isPresent()) {
        return new ComparedColumn(
            real.name(), false, numbers(days.orElseThrow()), numbers(otherDays.get()));
      }
    }
    if (codes || real instanceof Column.Texts) {
      Map<String, Integer> known = new HashMap<>();
      return new ComparedColumn(
          real.name(), true, categories(real, known), categories(synthetic, known));
    }
    return new ComparedColumn(
        real.name(), false, numbers(values(real)), numbers(values(synthetic)));
  }

  ColumnShape shape() {
    double[] first = real.present();
    double[] second = synthetic.present();
    double score = Double.NaN;
    if (first.length > 0 && second.length > 0) {
      score = 1 - (categorical ? totalVariation(first, second) : kolmogorovSmirnov(first, second));
    }
    return new ColumnShape(name, categorical, score);
  }

  PairTrend trend(ComparedColumn other) {
    if (categorical || other.categorical) {
      Contingency expected = Contingency.of(real.codes, other.real.codes);
      Contingency actual = Contingency.of(synthetic.codes, other.synthetic.codes);
      double score = 1 - expected.totalVariation(actual);
      return new PairTrend(name, other.name, score, expected.cramersV() > LEAST_ASSOCIATION);
    }
    double expected = correlation(real.numbers, other.real.numbers);
    double actual = correlation(synthetic.numbers, other.synthetic.numbers);
    double score = 1 - Math.abs(expected - actual) / 2;
    return new PairTrend(name, other.name, score, Math.abs(expected) > LEAST_CORRELATION);
  }

  private static Values categories(Column column, Map<String, Integer> known) {
    int[] codes = new int[column.rows()];
    double[] numbers = new double[column.rows()];
    for (int row = 0; row < codes.length; row++) {
      String text = column.text(row);
      codes[row] = text == null ? 0 : known.computeIfAbsent(text, t -> known.size() + 1);
      numbers[row] = text == null ? Double.NaN : codes[row];
    }
    return new Values(numbers, codes);
  }

  private static double[] values(Column column) {
    return IntStream.range(0, column.rows())
        .mapToDouble(
            row -> column.isMissing(row) ? Double.NaN : ((Column.Numbers) column).values()[row])
        .toArray();
  }

  private static Values numbers(double[] numbers) {
    double low = Arrays.stream(numbers).filter(x -> !Double.isNaN(x)).min().orElse(0);
    double high = Arrays.stream(numbers).filter(x -> !Double.isNaN(x)).max().orElse(1);
    double from = low == high ? low - 0.5 : low;
    double to = low == high ? high + 0.5 : high;
    double[] edges =
        IntStream.rangeClosed(0, BINS)
            .mapToDouble(edge -> edge == BINS ? to : from + edge * ((to - from) / BINS))
            .toArray();
    return new Values(numbers, Arrays.stream(numbers).mapToInt(x -> bin(edges, x)).toArray());
  }

  /**
   * The number of edges at or below the value, as numpy's {@code digitize} counts them: the
   * greatest value falls beyond the last edge. A missing value falls there, too.
   */
  private static int bin(double[] edges, double value) {
    int bin = 0;
    while (bin < edges.length && !(value < edges[bin])) {
      bin++;
    }
    return bin;
  }

  private static double kolmogorovSmirnov(double[] first, double[] second) {
    double greatest = 0;
    for (int i = 0, j = 0; i < first.length && j < second.length; ) {
      double value = Math.min(first[i], second[j]);
      while (i < first.length && first[i] <= value) {
        i++;
      }
      while (j < second.length && second[j] <= value) {
        j++;
      }
      double difference = (double) i / first.length - (double) j / second.length;
      greatest = Math.max(greatest, Math.abs(difference));
    }
    return greatest;
  }

  private static double totalVariation(double[] first, double[] second) {
    return Contingency.of(codes(first), new int[first.length])
        .totalVariation(Contingency.of(codes(second), new int[second.length]));
  }

  private static int[] codes(double[] numbers) {
    return Arrays.stream(numbers).mapToInt(number -> (int) number).toArray();
  }

  /** Pearson's correlation over the rows that have both values; NaN if either is constant. */
  private static double correlation(double[] first, double[] second) {
    int[] rows =
        IntStream.range(0, first.length)
            .filter(row -> !Double.isNaN(first[row]) && !Double.isNaN(second[row]))
            .toArray();
    double meanFirst = Arrays.stream(rows).mapToDouble(row -> first[row]).average().orElse(0);
    double meanSecond = Arrays.stream(rows).mapToDouble(row -> second[row]).average().orElse(0);
    double squaresFirst = 0;
    double squaresSecond = 0;
    double products = 0;
    for (int row : rows) {
      double a = first[row] - meanFirst;
      double b = second[row] - meanSecond;
      squaresFirst += a * a;
      squaresSecond += b * b;
      products += a * b;
    }
    return products / Math.sqrt(squaresFirst * squaresSecond);
  }
}
