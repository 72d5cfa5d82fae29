package retune.core.distribution;

import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;

/**
 * A feature column of a learned table: any column except the target.
 *
 * @param text whether the values are texts
 * @param categories the distinct texts, in the order in which the copula numbers them; empty for
 *     numbers, and for texts that are more dates than a thousand, whose values are {@link Days}
 * @param decimals decimal places of the numbers, 0 … 6, or {@link #ANY_DECIMALS}; days with
 *     decimals have a time
 * @param marginal the marginal over all rows, whatever their class
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
  /** The numbers have more than {@link #MOST_DECIMALS} decimal places and are not rounded. */
  public static final int ANY_DECIMALS = -1;

  static final int MOST_DECIMALS = 6;

  public FeatureColumn {
    categories = List.copyOf(categories);
  }

  /**
   * A column of generated values.
   *
   * @param values one per row: the number, the position of the category, or the days; NaN if
   *     missing
   */
  Column column(double[] values) {
    if (!text) {
      return new Column.Numbers(name, values);
    }
    @Nullable String[] texts = new @Nullable String[values.length];
    for (int row = 0; row < texts.length; row++) {
      texts[row] = Double.isNaN(values[row]) ? null : text(values[row]);
    }
    return new Column.Texts(name, texts);
  }

  private String text(double value) {
    return categories.isEmpty() ? Days.text(value, decimals != 0) : categories.get((int) value);
  }
}
