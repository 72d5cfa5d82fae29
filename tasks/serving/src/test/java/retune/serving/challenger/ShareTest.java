package retune.serving.challenger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.Column;
import retune.core.data.Table;

class ShareTest {
  private static final int KEYS = 10_000;
  private static final Table ROW = row(17, "a");

  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.1, 0.25, 0.5})
  void ofTenThousandKeysTheShareIsWithinOnePercent(double fraction) {
    Share share = new Share("m-1", fraction);
    assertEquals(fraction, part(key -> share.has("user " + key, ROW)), 0.01);
    assertEquals(fraction, part(number -> share.has(null, row(number, "a"))), 0.01);
  }

  @Test
  void withoutAShareNobodyIsAnswered() {
    Share share = new Share("m-1", 0);
    assertEquals(0, part(key -> share.has("user " + key, ROW)));
  }

  @Test
  void aKeyStaysWithItsVersionWhateverTheRowsAndAlsoWhenTheShareGrows() {
    Share small = new Share("m-1", 0.1);
    Share large = new Share("m-1", 0.3);
    for (int key = 0; key < 1_000; key++) {
      String header = "user " + key;
      assertEquals(small.has(header, ROW), small.has(header, row(key, "b")));
      assertTrue(!small.has(header, ROW) || large.has(header, ROW), header);
    }
  }

  @Test
  void anotherChallengerHasOtherKeys() {
    Share first = new Share("m-1", 0.5);
    Share second = new Share("m-2", 0.5);
    double both = part(key -> first.has("user " + key, ROW) && second.has("user " + key, ROW));
    assertEquals(0.25, both, 0.02);
  }

  @Test
  void withoutAKeyTheSameRowsAreOneUnitAndEachValueCounts() {
    Share half = new Share("m-1", 0.5);
    List<Boolean> once = parts(half, "a");
    assertEquals(once, parts(half, "a"));
    assertNotEquals(once, parts(half, "b"));
    assertNotEquals(once, parts(half, null));
  }

  private static List<Boolean> parts(Share share, @Nullable String text) {
    return IntStream.range(0, 100).mapToObj(number -> share.has(null, row(number, text))).toList();
  }

  private static double part(IntPredicate has) {
    return IntStream.range(0, KEYS).filter(has).count() / (double) KEYS;
  }

  private static Table row(double number, @Nullable String text) {
    return new Table(
        List.of(
            new Column.Numbers("n", new double[] {number}),
            new Column.Texts("t", new @Nullable String[] {text})));
  }
}
