package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.data.Features;
import retune.learning.Examples;

class FeatureCorruptionTest {
  private static final int ROWS = 1000;

  private final Features features = Examples.features(Examples.schema(1, 1), ROWS, 1);
  private final int[] all = IntStream.range(0, ROWS).toArray();

  @Test
  void withoutCorruptionBothViewsAreTheRow() {
    Features views =
        new FeatureCorruption(0).twoViews(features, new int[] {7, 3}, new SplittableRandom(1));
    assertArrayEquals(features.select(new int[] {7, 3, 7, 3}).numbers()[0], views.numbers()[0]);
    assertArrayEquals(features.select(new int[] {7, 3, 7, 3}).codes()[0], views.codes()[0]);
  }

  @Test
  void theShareOfFeaturesIsReplacedByValuesOfOtherRows() {
    Features views = new FeatureCorruption(0.6).twoViews(features, all, new SplittableRandom(1));
    float[] numbers = views.numbers()[0];
    float[] own = features.numbers()[0];
    long replaced =
        IntStream.range(0, 2 * ROWS).filter(view -> numbers[view] != own[view % ROWS]).count();
    assertEquals(0.6, replaced / (2.0 * ROWS), 0.04);
    long fromElsewhere =
        IntStream.range(0, 2 * ROWS)
            .filter(view -> IntStream.range(0, ROWS).noneMatch(row -> own[row] == numbers[view]))
            .count();
    assertEquals(0, fromElsewhere);
  }
}
