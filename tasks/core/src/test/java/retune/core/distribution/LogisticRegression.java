package retune.core.distribution;

import java.util.Arrays;
import java.util.stream.IntStream;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Predictions;

/**
 * A classifier of {@link Loans} rows, fitted by gradient descent on their standardised columns, the
 * regions one by one and together with the score.
 */
final class LogisticRegression {
  private static final int STEPS = 300;

  private final double[] means;
  private final double[] deviations;
  private final double[] weights;

  private LogisticRegression(double[] means, double[] deviations, double[] weights) {
    this.means = means;
    this.deviations = deviations;
    this.weights = weights;
  }

  static LogisticRegression fit(Table loans) {
    double[][] raw = features(loans);
    int width = raw[0].length;
    double[] means = new double[width];
    double[] deviations = new double[width];
    for (int i = 0; i < width; i++) {
      int feature = i;
      double mean = Arrays.stream(raw).mapToDouble(row -> row[feature]).average().orElseThrow();
      means[i] = mean;
      deviations[i] =
          Math.sqrt(
              Arrays.stream(raw)
                  .mapToDouble(row -> (row[feature] - mean) * (row[feature] - mean))
                  .average()
                  .orElseThrow());
    }
    LogisticRegression model = new LogisticRegression(means, deviations, new double[width + 1]);
    int[] labels = Loans.TARGET.encode(loans.column("repaid"));
    for (int step = 0; step < STEPS; step++) {
      double[] gradient = new double[width + 1];
      for (int row = 0; row < raw.length; row++) {
        double error = labels[row] - model.probability(raw[row]);
        for (int i = 0; i < width; i++) {
          gradient[i] += error * model.standardised(raw[row], i) / raw.length;
        }
        gradient[width] += error / raw.length;
      }
      Arrays.setAll(model.weights, i -> model.weights[i] + gradient[i]);
    }
    return model;
  }

  Evaluation evaluate(Table loans) {
    double[] probabilities =
        Arrays.stream(features(loans))
            .flatMapToDouble(
                row -> {
                  double probability = probability(row);
                  return Arrays.stream(new double[] {1 - probability, probability});
                })
            .toArray();
    int[] labels = Loans.TARGET.encode(loans.column("repaid"));
    return Evaluation.of(Predictions.of(Loans.TARGET, labels, probabilities, 0.5));
  }

  private double probability(double[] raw) {
    double sum = weights[raw.length];
    for (int i = 0; i < raw.length; i++) {
      sum += weights[i] * standardised(raw, i);
    }
    return 1 / (1 + Math.exp(-sum));
  }

  private double standardised(double[] raw, int feature) {
    return (raw[feature] - means[feature]) / deviations[feature];
  }

  private static double[][] features(Table loans) {
    double[] income = values(loans, "income");
    double[] debt = values(loans, "debt");
    double[] age = values(loans, "age");
    double[] score = values(loans, "score");
    Column region = loans.column("region");
    return IntStream.range(0, loans.rows())
        .mapToObj(
            row -> {
              double b = "b".equals(region.text(row)) ? 1 : 0;
              double c = "c".equals(region.text(row)) ? 1 : 0;
              double log = Double.isNaN(income[row]) ? 7 : Math.log(income[row]);
              return new double[] {
                log, Math.log1p(debt[row]), age[row], score[row], b, c, c * score[row]
              };
            })
        .toArray(double[][]::new);
  }

  /** The values, 0 where they are missing, but NaN for the income. */
  private static double[] values(Table table, String column) {
    double[] values = ((Column.Numbers) table.column(column)).values();
    return column.equals("income")
        ? values
        : Arrays.stream(values).map(value -> Double.isNaN(value) ? 0 : value).toArray();
  }
}
