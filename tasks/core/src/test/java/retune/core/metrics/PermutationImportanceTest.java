package retune.core.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;

class PermutationImportanceTest {
  private static final int ROWS = 2_000;
  private static final FeatureSchema SCHEMA =
      new FeatureSchema(
          List.of(new Categorical("kind", 2), new Categorical("x_missing", 2)), List.of("x", "y"));

  /** "x" gives two features, of which the model needs both. */
  private static final Map<String, List<String>> COLUMNS = columns();

  private static final Features FEATURES = features();

  /** The label is kind, but where x is missing it is 1; a fifth of x is missing. */
  private static final int[] LABELS = answers(FEATURES);

  private static Map<String, List<String>> columns() {
    Map<String, List<String>> columns = new LinkedHashMap<>();
    columns.put("kind", List.of("kind"));
    columns.put("x", List.of("x", "x_missing"));
    columns.put("y", List.of("y"));
    return columns;
  }

  private static Features features() {
    Random random = new Random(1);
    int[][] codes = new int[2][ROWS];
    float[][] numbers = new float[2][ROWS];
    for (int row = 0; row < ROWS; row++) {
      codes[0][row] = random.nextInt(2);
      codes[1][row] = random.nextInt(5) == 0 ? 1 : 0;
      numbers[0][row] = codes[1][row];
      numbers[1][row] = random.nextFloat();
    }
    return new Features(SCHEMA, ROWS, codes, numbers);
  }

  /** Refuses rows whose x and x_missing come from different rows. */
  private static int[] answers(Features features) {
    int[] answers = new int[features.rows()];
    for (int row = 0; row < answers.length; row++) {
      assertEquals(features.codes()[1][row], features.numbers()[0][row]);
      answers[row] = features.codes()[1][row] == 1 ? 1 : features.codes()[0][row];
    }
    return answers;
  }

  private static Predictions model(Features features) {
    int[] answers = answers(features);
    double[] probabilities = new double[2 * answers.length];
    for (int row = 0; row < answers.length; row++) {
      probabilities[2 * row + answers[row]] = 1;
    }
    return new Predictions(LABELS, probabilities, 2, 1, 0.5);
  }

  private static List<PermutationImportance> measure(int repeats, List<Integer> done) {
    return PermutationImportance.of(
        FEATURES,
        COLUMNS,
        Metric.ACCURACY,
        PermutationImportanceTest::model,
        repeats,
        7,
        done::add);
  }

  @Test
  void aColumnCountsAsMuchAsItsShufflingCosts() {
    List<Integer> done = new ArrayList<>();
    List<PermutationImportance> importances = measure(5, done);
    assertEquals(List.of(1, 2, 3), done);
    // Where x is there, in 0.8 of the rows, a shuffled kind is wrong for half of them.
    assertEquals("kind", importances.get(0).column());
    assertEquals(0.4, importances.get(0).drop(), 0.03);
    // Rows that only one of the two has as missing (0.32), and whose kind is 0.
    assertEquals("x", importances.get(1).column());
    assertEquals(0.16, importances.get(1).drop(), 0.03);
    assertTrue(importances.get(1).deviation() > 0 && importances.get(1).deviation() < 0.03);
    assertEquals(new PermutationImportance("y", 0, 0), importances.get(2));
  }

  @Test
  void theSameSeedMeasuresTheSameAndOneRepeatHasNoSpread() {
    assertEquals(measure(3, new ArrayList<>()), measure(3, new ArrayList<>()));
    assertEquals(0, measure(1, new ArrayList<>()).getFirst().deviation());
  }
}
