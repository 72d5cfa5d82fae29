package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/** 400 rows: the baseline is always right, the new model is wrong in rows 0 to 99. */
class SliceTest {
  private static final int ROWS = 400;

  @Test
  void theSliceThatLosesMostIsFirst() {
    @Nullable String[] regions = new @Nullable String[ROWS];
    for (int row = 0; row < ROWS; row++) {
      regions[row] = row < 120 ? "south" : row < 200 ? null : row < 370 ? "north" : "tiny";
    }
    List<Slice> slices = slices(new Column.Texts("region", regions));
    assertEquals(
        List.of("south", "(missing)", "north"), slices.stream().map(Slice::values).toList());
    Slice south = slices.getFirst();
    assertEquals(120, south.rows());
    assertEquals(1, south.baseline());
    assertEquals(20 / 120.0, south.candidate(), 1e-12);
    assertEquals(-100 / 120.0, south.improvement(), 1e-12);
    // the standard error of a mean of 120 zeros and ones
    double error = Math.sqrt(100 / 120.0 * (20 / 120.0) / 119);
    assertEquals(-100 / 120.0 - 1.959964 * error, south.interval().low(), 1e-6);
  }

  @Test
  void numbersAreCutAtTheirQuartiles() {
    List<Slice> slices =
        slices(new Column.Numbers("age", IntStream.range(0, ROWS).asDoubleStream().toArray()));
    assertEquals(
        List.of("≤ 99", "99 to 199", "199 to 299", "> 299"),
        slices.stream().map(Slice::values).toList());
    assertTrue(slices.stream().allMatch(slice -> slice.rows() == 100), slices.toString());
    assertEquals(-1, slices.getFirst().improvement());
  }

  @Test
  void aFewDifferentNumbersAreSlicesOfTheirOwn() {
    double[] grades = IntStream.range(0, ROWS).mapToDouble(row -> row < 100 ? 3 : 1.5).toArray();
    assertEquals(
        List.of("3", "1.5"),
        slices(new Column.Numbers("grade", grades)).stream().map(Slice::values).toList());
  }

  @Test
  void aColumnOfOneValueIsNoSlice() {
    assertEquals(List.of(), slices(new Column.Numbers("constant", new double[ROWS])));
  }

  private static List<Slice> slices(Column column) {
    return Slice.worstFirst(
        Metric.ACCURACY, new Table(List.of(column)), answering(0), answering(100), 0.95);
  }

  private static Predictions answering(int wrong) {
    int[] labels = IntStream.range(0, ROWS).map(row -> row % 2).toArray();
    double[] probabilities = new double[2 * ROWS];
    for (int row = 0; row < ROWS; row++) {
      probabilities[2 * row + (row < wrong ? 1 - labels[row] : labels[row])] = 1;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }
}
