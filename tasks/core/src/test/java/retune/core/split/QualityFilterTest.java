package retune.core.split;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.split.QualityFilter.Reason;

class QualityFilterTest {
  private static final byte TRAINING = Part.TRAINING.code();
  private static final byte VALIDATION = Part.VALIDATION.code();
  private static final byte HOLDOUT = Part.HOLDOUT.code();
  private static final byte EXCLUDED = Part.EXCLUDED.code();
  private static final byte REJECTED = Part.REJECTED.code();

  @Test
  void fiveRowsWithTwoDuplicatesLeaveThree() {
    long[] hashes = {1, 2, 1, 3, 2};
    Split split = split(TRAINING, TRAINING, TRAINING, TRAINING, TRAINING);
    QualityFilter filter = filter(split, hashes, new int[] {0, 1, 0, 1, 1}, new float[5]);
    assertEquals(5, filter.rows());
    assertEquals(2, filter.count(Reason.DUPLICATE));
    Split filtered = filter.apply(split);
    assertArrayEquals(new int[] {0, 1, 3}, filtered.rows(Part.TRAINING));
    assertEquals(2, filtered.verify(hashes).rejected());
  }

  @Test
  void equalRowsWithContradictingLabelsAllGo() {
    long[] hashes = {1, 2, 1, 3, 4};
    Split split = split(TRAINING, TRAINING, TRAINING, TRAINING, VALIDATION);
    QualityFilter filter = filter(split, hashes, new int[] {0, 1, 1, 1, 1}, new float[5]);
    assertEquals(List.of(0, 2), filter.rejected().get(Reason.CONTRADICTING_LABELS));
    assertEquals(0, filter.count(Reason.DUPLICATE));
  }

  @Test
  void aRowWithANumberAtTheLimitGoesAndCountsOnce() {
    long[] hashes = {1, 1, 2, 3, 4};
    Split split = split(TRAINING, TRAINING, TRAINING, VALIDATION, TRAINING);
    float[] numbers = {1_000, 1_000, 999, -1_000, 0};
    QualityFilter filter = filter(split, hashes, new int[] {0, 0, 1, 1, 1}, numbers);
    assertEquals(List.of(0, 1, 3), filter.rejected().get(Reason.OUT_OF_RANGE));
    assertEquals(0, filter.count(Reason.DUPLICATE));
    assertArrayEquals(
        new byte[] {REJECTED, REJECTED, TRAINING, REJECTED, TRAINING},
        filter.apply(split).assignment());
  }

  @Test
  void aRowOfLittleConfidenceIsCountedAndStaysWhereItIs() {
    long[] hashes = {1, 2, 3, 3};
    Split split = split(TRAINING, VALIDATION, EXCLUDED, HOLDOUT);
    FeatureSchema schema = new FeatureSchema(List.of(), List.of("amount"));
    Features features = new Features(schema, 4, new int[0][], new float[1][4]);
    QualityFilter filter =
        QualityFilter.of(
            split, hashes, new int[] {0, 1, 1, 0}, features, new float[] {1_000}, List.of(2));
    assertEquals(3, filter.rows());
    assertEquals(1, filter.count(Reason.LOW_CONFIDENCE));
    assertArrayEquals(split.assignment(), filter.apply(split).assignment());
  }

  @Test
  void rowsThatJudgeOrHaveNoLabelAreNeverTouched() {
    long[] hashes = {1, 1, 1, 2, 2, 3};
    Split split = split(HOLDOUT, HOLDOUT, HOLDOUT, EXCLUDED, EXCLUDED, TRAINING);
    float[] numbers = {1_000, 1_000, 1_000, 0, 0, 0};
    QualityFilter filter = filter(split, hashes, new int[] {0, 1, 0, -1, -1, 1}, numbers);
    assertArrayEquals(split.assignment(), filter.apply(split).assignment());
    assertEquals(1, filter.rows());
  }

  @Test
  void aTableThatRepeatsItsRowsByNatureKeepsThem() {
    long[] hashes = {1, 1, 1, 2, 2, 2};
    Split split = split(TRAINING, TRAINING, TRAINING, TRAINING, TRAINING, TRAINING);
    QualityFilter filter =
        filter(split, hashes, new int[] {0, 1, 0, 1, 1, 1}, new float[] {0, 0, 0, 0, 0, 2_000});
    assertTrue(filter.repeatsByNature());
    assertEquals(0, filter.count(Reason.DUPLICATE) + filter.count(Reason.CONTRADICTING_LABELS));
    assertEquals(1, filter.count(Reason.OUT_OF_RANGE));
    long[] doubled = {1, 1, 2, 2};
    Split fourRows = split(TRAINING, TRAINING, TRAINING, TRAINING);
    QualityFilter half = filter(fourRows, doubled, new int[] {0, 0, 1, 1}, new float[4]);
    assertFalse(half.repeatsByNature());
    assertEquals(2, half.count(Reason.DUPLICATE));
  }

  @Test
  void aRejectedRowMayEqualATrainingRowButNoRowThatJudges() {
    assertEquals(1, split(TRAINING, REJECTED).verify(new long[] {7, 7}).rejected());
    assertEquals(1, split(REJECTED, VALIDATION).verify(new long[] {7, 7}).rejected());
    for (Split leak :
        List.of(
            split(HOLDOUT, REJECTED),
            split(REJECTED, HOLDOUT),
            split(REJECTED, TRAINING, HOLDOUT),
            split(TRAINING, REJECTED, VALIDATION))) {
      long[] hashes = new long[leak.assignment().length];
      Arrays.fill(hashes, 7);
      assertThrows(IllegalStateException.class, () -> leak.verify(hashes));
    }
  }

  private static QualityFilter filter(Split split, long[] hashes, int[] labels, float[] numbers) {
    FeatureSchema schema = new FeatureSchema(List.of(), List.of("amount"));
    Features features = new Features(schema, numbers.length, new int[0][], new float[][] {numbers});
    return QualityFilter.of(split, hashes, labels, features, new float[] {1_000}, List.of());
  }

  private static Split split(byte... assignment) {
    return new Split(assignment);
  }
}
