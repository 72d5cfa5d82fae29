package retune.core.split;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Target;

class SplitTest {
  private static final int ROWS = 1000;
  private static final long[] HASHES = new Random(1).longs(ROWS).toArray();
  private static final int[] LABELS = new Random(2).ints(ROWS, 0, 3).toArray();

  @Test
  void partsHaveTheSharesAskedForInEveryClass() {
    Split split = Split.of(HASHES, LABELS, 0.3, 0.2, 5);
    for (int label = 0; label < 3; label++) {
      int wanted = label;
      long rows = Arrays.stream(LABELS).filter(of -> of == wanted).count();
      long holdout = rowsOfClass(split, Part.HOLDOUT, label);
      assertEquals(Math.round(0.3 * rows), holdout);
      assertEquals(Math.round(0.2 * (rows - holdout)), rowsOfClass(split, Part.VALIDATION, label));
    }
  }

  @Test
  void aDayKeepsWhatItsRowsAreForLife() {
    Split split = Split.ofDay(HASHES, LABELS, 0.3, 0.2, 5);
    for (int row = 0; row < ROWS; row++) {
      Part life = Split.forLife(HASHES[row]);
      byte part = split.assignment()[row];
      assertTrue(life != Part.HOLDOUT || part == Part.HOLDOUT.code(), "judges for life");
      assertTrue(life != Part.VALIDATION || part != Part.TRAINING.code(), "never trains");
    }
    for (int label = 0; label < 3; label++) {
      int wanted = label;
      long rows = Arrays.stream(LABELS).filter(of -> of == wanted).count();
      long holdout = rowsOfClass(split, Part.HOLDOUT, label);
      assertEquals(Math.round(0.3 * rows), holdout);
      assertEquals(
          (double) Math.round(0.2 * (rows - holdout)),
          (double) rowsOfClass(split, Part.VALIDATION, label),
          8);
    }
    assertFalse(
        Arrays.equals(split.assignment(), Split.ofDay(HASHES, LABELS, 0.3, 0.2, 6).assignment()),
        "another seed trains and judges by other rows beside these");
    assertEquals(
        IntStream.range(0, ROWS).filter(row -> Split.forLife(HASHES[row]) == Part.HOLDOUT).count(),
        Split.ofDay(HASHES, LABELS, 0, 0.2, 5).verify(HASHES).holdout(),
        "also where the share is smaller");
  }

  @Test
  void aDayOfFewRowsHasSomeOfEachClassToJudgeAndToChoose() {
    int[] labels = IntStream.range(0, 20).map(row -> row % 2).toArray();
    for (int day = 0; day < 500; day++) {
      long[] hashes = new Random(day).longs(labels.length).toArray();
      Split split = Split.ofDay(hashes, labels, 0.3, 0.2, day);
      for (int label = 0; label < 2; label++) {
        int wanted = label;
        for (Part part : List.of(Part.HOLDOUT, Part.VALIDATION)) {
          assertTrue(
              Arrays.stream(split.rows(part)).anyMatch(row -> labels[row] == wanted),
              "day %d, class %d: %s".formatted(day, label, part));
        }
      }
      assertTrue(split.rows(Part.TRAINING).length > 0, "day " + day);
    }
  }

  @Test
  void aTableCanBeSplitIntoSeventyFifteenFifteen() {
    Split.Counts counts = Split.of(HASHES, LABELS, 0.15, 0.15 / 0.85, 5).verify(HASHES);
    assertEquals(700, counts.training(), 3);
    assertEquals(150, counts.validation(), 3);
    assertEquals(150, counts.holdout(), 3);
  }

  @Test
  void equalRowsAreOnTheSameSideEvenWithDifferentLabels() {
    long[] hashes = IntStream.range(0, ROWS).mapToLong(row -> row % 97).toArray();
    Split split = Split.of(hashes, LABELS, 0.3, 0.2, 5);
    Split.Counts counts = split.verify(hashes);
    assertEquals(ROWS - 97, counts.duplicates());
    assertTrue(counts.holdout() > 0 && counts.validation() > 0 && counts.training() > 0);
  }

  @Test
  void theSameRowsInAnotherOrderAreSplitAlike() {
    long[] hashes = IntStream.range(0, ROWS).mapToLong(row -> row % 300).toArray();
    Split split = Split.of(hashes, LABELS, 0.3, 0.2, 5);
    Split reversed = Split.of(reverse(hashes), reverse(LABELS), 0.3, 0.2, 5);
    for (int row = 0; row < ROWS; row++) {
      assertEquals(split.assignment()[row], reversed.assignment()[ROWS - 1 - row]);
    }
    assertEquals(
        split.digest(Part.HOLDOUT, hashes), reversed.digest(Part.HOLDOUT, reverse(hashes)));
  }

  @Test
  void anotherSeedSplitsOtherwise() {
    assertArrayEquals(
        Split.of(HASHES, LABELS, 0.3, 0.2, 5).assignment(),
        Split.of(HASHES, LABELS, 0.3, 0.2, 5).assignment());
    assertFalse(
        Arrays.equals(
            Split.of(HASHES, LABELS, 0.3, 0.2, 5).assignment(),
            Split.of(HASHES, LABELS, 0.3, 0.2, 6).assignment()));
  }

  /** A split that changed would put rows that a model was trained on into its hold-out. */
  @Test
  void aSplitIsTheSameInEveryRelease() {
    long[] hashes = LongStream.range(0, 20).toArray();
    int[] labels = IntStream.range(0, 20).map(row -> row % 2).toArray();
    Split split = Split.of(hashes, labels, 0.3, 0.2, 5);
    StringBuilder parts = new StringBuilder();
    for (byte part : split.assignment()) {
      parts.append("-TVH".charAt(part)); // training, validation, hold-out
    }
    assertEquals("VTTTHTHHTHTTTVTTTTHH", parts.toString());
  }

  @Test
  void sharesMayBeNothingOrEverything() {
    assertEquals(ROWS, Split.of(HASHES, LABELS, 1, 1, 5).verify(HASHES).holdout());
    assertEquals(ROWS, Split.of(HASHES, LABELS, 0, 0, 5).verify(HASHES).training());
  }

  @Test
  void rowsWithoutALabelAreInNoPart() {
    int[] labels = LABELS.clone();
    Arrays.fill(labels, 0, 100, Target.UNLABELLED);
    Split split = Split.of(HASHES, labels, 0.3, 0.2, 5);
    Split.Counts counts = split.verify(HASHES);
    assertEquals(100, counts.excluded());
    assertEquals(ROWS - 100, counts.training() + counts.validation() + counts.holdout());
    assertArrayEquals(IntStream.range(0, 100).toArray(), split.rows(Part.EXCLUDED));
  }

  @Test
  void aRowOnBothSidesIsFound() {
    Split leaking = new Split(new byte[] {Part.TRAINING.code(), Part.HOLDOUT.code()});
    assertThrows(IllegalStateException.class, () -> leaking.verify(new long[] {7, 7}));
    assertEquals(1, leaking.verify(new long[] {7, 8}).holdout());
  }

  /** SHA-256 of the 64-bit hashes 1 and 2 in ascending order, each as 8 bytes, big-endian. */
  private static final String DIGEST_OF_1_AND_2 =
      "8c7654ecfd7b0b623b803e2f4e02ad1cc84278efdfcd7c4c9208edd81f17e115";

  @Test
  void aDigestNamesThePartsRowsWhateverTheirOrderAndNothingElse() {
    byte holdout = Part.HOLDOUT.code();
    byte training = Part.TRAINING.code();
    Split split = new Split(new byte[] {holdout, training, holdout});
    assertEquals(DIGEST_OF_1_AND_2, split.digest(Part.HOLDOUT, new long[] {2, 9, 1}));
    assertEquals(DIGEST_OF_1_AND_2, split.digest(Part.HOLDOUT, new long[] {1, 7, 2}));
    assertNotEquals(DIGEST_OF_1_AND_2, split.digest(Part.HOLDOUT, new long[] {1, 7, 3}));
    assertNotEquals(DIGEST_OF_1_AND_2, split.digest(Part.TRAINING, new long[] {2, 9, 1}));
    assertNotEquals(DIGEST_OF_1_AND_2, split.digest(Part.HOLDOUT, new long[] {-2, 7, 1}));
  }

  @Test
  void aShareThatIsNoneIsRefused() {
    assertThrows(InvalidInputException.class, () -> Split.of(HASHES, LABELS, 1.1, 0.2, 5));
    assertThrows(InvalidInputException.class, () -> Split.of(HASHES, LABELS, 0.3, Double.NaN, 5));
  }

  private static long rowsOfClass(Split split, Part part, int label) {
    return Arrays.stream(split.rows(part)).filter(row -> LABELS[row] == label).count();
  }

  private static long[] reverse(long[] values) {
    return IntStream.range(0, values.length)
        .mapToLong(i -> values[values.length - 1 - i])
        .toArray();
  }

  private static int[] reverse(int[] values) {
    return IntStream.range(0, values.length).map(i -> values[values.length - 1 - i]).toArray();
  }
}
