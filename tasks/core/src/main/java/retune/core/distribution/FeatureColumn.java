package retune.core.distribution;

import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;

/**
 * A column of a learned table, but the target.
 *
 * @param text whether values are texts
 * @param categories the texts, in the order of the copula; empty for numbers
 * @param decimals places after the point that the numbers have, or {@link #ANY_DECIMALS}
 * @param marginal of all rows, whatever their class
 * @param relevance share of the variance of the column's normal scores that lies between the
 *     classes, 0 … 1: the effect size of van der Waerden's test (1952, "Order tests for the
 *     two-sample problem and their power")
 */
public record FeatureColumn(
    String name,
    boolean text,
    List<String> categories,
    int decimals,
    Marginal marginal,
    double relevance) {
  /** Numbers with more places than {@link #MOST_DECIMALS}: not rounded. */
  public static final int ANY_DECIMALS = -1;

  static final int MOST_DECIMALS = 6;

  public FeatureColumn {
    categories = List.copyOf(categories);
  }

  /** A column of generated values: numbers, or positions of categories; NaN is missing. */
  Column column(double[] values) {
    if (!text) {
      return new Column.Numbers(name, values);
    }
    @Nullable String[] texts = new @Nullable String[values.length];
    for (int row = 0; row < texts.length; row++) {
      texts[row] = Double.isNaN(values[row]) ? null : categories.get((int) values[row]);
    }
    return new Column.Texts(name, texts);
  }
}
