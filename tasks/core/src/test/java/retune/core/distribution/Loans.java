package retune.core.distribution;

import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;

/**
 * A made table of loans: {@code income} (two decimals, skewed, a tenth missing), {@code debt}
 * (grows with income, a third is exactly 0), {@code age} (whole), {@code region} (text; the riskier
 * the later in the alphabet), {@code score} (any decimals) and the label {@code repaid}, which is
 * likelier with income, with age and in the earlier regions, and whose relation to {@code score}
 * turns round in region c.
 */
final class Loans {
  static final Target TARGET = new Target("repaid", List.of("no", "yes"), "yes");

  private Loans() {}

  static Table rows(int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] income = new double[rows];
    double[] debt = new double[rows];
    double[] age = new double[rows];
    double[] score = new double[rows];
    @Nullable String[] region = new @Nullable String[rows];
    @Nullable String[] repaid = new @Nullable String[rows];
    for (int row = 0; row < rows; row++) {
      double wealth = random.nextGaussian();
      double years = Math.clamp(40 + 12 * random.nextGaussian() + 4 * wealth, 18, 90);
      int place = random.nextDouble() < 0.5 ? 0 : random.nextDouble() < 0.6 ? 1 : 2;
      score[row] = random.nextGaussian();
      double log =
          0.9 * wealth
              + 0.03 * (years - 40)
              - 0.8 * place
              + (place == 2 ? -1 : 1) * score[row]
              + 0.8;
      income[row] =
          random.nextDouble() < 0.1 ? Double.NaN : Math.rint(100_000 * Math.exp(wealth)) / 100;
      debt[row] =
          random.nextDouble() < 1.0 / 3
              ? 0
              : Math.rint(5_000 * Math.exp(0.8 * wealth + 0.5 * random.nextGaussian()));
      age[row] = Math.rint(years);
      region[row] = String.valueOf((char) ('a' + place));
      repaid[row] = random.nextDouble() < 1 / (1 + Math.exp(-log)) ? "yes" : "no";
    }
    return new Table(
        List.of(
            new Column.Numbers("income", income),
            new Column.Numbers("debt", debt),
            new Column.Numbers("age", age),
            new Column.Texts("region", region),
            new Column.Numbers("score", score),
            new Column.Texts("repaid", repaid)));
  }
}
