package retune.core.drift;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.ComparedColumn.Share;
import retune.core.drift.DriftDetector.Samples;

class DriftDetectorTest {
  private static final DriftDetector DETECTOR = new DriftDetector(0.05, 0, 199);
  private static final List<String> LABELS = List.of("a", "b", "c", "d");

  /** Two related numbers, a category cut from another related number, and a share of rows. */
  private static final class Day {
    final float[][] numbers;
    final int[] codes;
    final long[] hashes;
    final long hits;

    Day(Random random, int rows, double relation, double missing) {
      numbers = new float[2][rows];
      codes = new int[rows];
      hashes = random.longs(rows).toArray();
      for (int row = 0; row < rows; row++) {
        double common = random.nextGaussian();
        numbers[0][row] = (float) common;
        numbers[1][row] = (float) related(random, common, relation);
        codes[row] = (int) Math.clamp(2 + related(random, common, relation), 0, 3);
      }
      hits = random.doubles(rows).filter(number -> number < missing).count();
    }

    private static double related(Random random, double common, double relation) {
      return relation * common + Math.sqrt(1 - relation * relation) * random.nextGaussian();
    }
  }

  private static Samples samples(Day reference, Day current) {
    List<ComparedColumn> features = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      features.add(new Numbers("n" + i, reference.numbers[i], current.numbers[i], 100, 10));
    }
    features.add(new Codes("kind", LABELS, reference.codes, current.codes));
    return new Samples(
        features,
        List.of(),
        null,
        List.of(
            new Share(
                ComparedColumn.Property.MISSING,
                "n0",
                reference.hits,
                reference.codes.length,
                current.hits,
                current.codes.length)),
        reference.hashes,
        current.hashes);
  }

  private static Day day(long seed, int rows) {
    return new Day(new Random(seed), rows, 0.6, 0.02);
  }

  private static DriftReport compare(Day reference, Day current) {
    return DETECTOR.compare(samples(reference, current));
  }

  @Test
  void quietDaysAlarmAtTheStatedRateWhateverTheirSize() {
    int alarms = 0;
    int days = 0;
    for (int rows : new int[] {30, 600}) {
      for (int seed = 0; seed < 75; seed++) {
        Day reference = day(2L * seed, 300);
        alarms += compare(reference, day(2L * seed + 1, rows)).isDrifted() ? 1 : 0;
        days++;
      }
    }
    // 7.5 are expected; fewer than 2 or more than 15 come about once in 100 times.
    assertTrue(alarms >= 2 && alarms <= 15, alarms + " alarms on " + days + " quiet days");
  }

  @Test
  void aDayWithoutRepeatedRowsIsQuietWhereTheReferenceHasOne() {
    for (int seed = 0; seed < 20; seed++) {
      Day reference = day(2L * seed, 300);
      reference.hashes[1] = reference.hashes[0];
      assertFalse(compare(reference, day(2L * seed + 1, 30)).repeated().measure().isDrifted());
    }
  }

  @Test
  void aRelationThatChangesIsSeenWhereNoColumnHasMoved() {
    Day reference = day(1, 3_000);
    DriftReport report = compare(reference, new Day(new Random(2), 3_000, -0.6, 0.02));
    assertTrue(report.joint().isDrifted());
    assertEquals(0, report.driftedFeatures());
  }

  @Test
  void aShiftedColumnIsNamedWithItsEffectInItsOwnUnit() {
    Day current = day(2, 2_000);
    for (int row = 0; row < 2_000; row++) {
      current.numbers[1][row] += 0.5f;
    }
    DriftReport report = compare(day(1, 2_000), current);
    DriftReport.Column worst = report.worstFirst().getFirst();
    assertEquals("n1", worst.name());
    assertTrue(worst.psi().isDrifted() && worst.psi().value() > worst.psi().limit());
    assertTrue(Objects.requireNonNull(worst.kolmogorovSmirnov()).isDrifted());
    assertTrue(worst.kolmogorovPValue() < 1e-9);
    assertEquals(0.5, Objects.requireNonNull(worst.wasserstein()).value(), 0.1);
    assertEquals(100, worst.effect().reference(), 1);
    assertTrue(worst.effect().interval().contains(5));
    assertFalse(worst.effect().interval().contains(0));
    assertEquals("moderate", DriftReport.band(worst.psi().value()));
    assertEquals(1, report.driftedFeatures());
  }

  @Test
  void limitsWidenWithFewerRows() {
    Day reference = day(1, 5_000);
    double few = compare(reference, day(2, 60)).features().getFirst().psi().limit();
    double many = compare(reference, day(3, 5_000)).features().getFirst().psi().limit();
    assertTrue(few > 30 * many, few + " and " + many);
  }

  @Test
  void moreMissingValuesAreDrift() {
    DriftReport report = compare(day(1, 2_000), new Day(new Random(2), 2_000, 0.6, 0.06));
    DriftReport.Share share = report.shares().getFirst();
    assertTrue(share.measure().isDrifted());
    assertTrue(share.difference().contains(0.04));
    assertTrue(share.measure().value() > share.measure().limit());
    assertEquals("n0", report.worstFirst().getFirst().name());
    assertEquals(1, report.driftedFeatures());
  }

  @Test
  void aBatchThatRepeatsItsRowsIsDrift() {
    Day current = day(2, 2_000);
    System.arraycopy(current.hashes, 0, current.hashes, 1_900, 100);
    DriftReport.Repeated repeated = compare(day(1, 2_000), current).repeated();
    assertEquals(0, repeated.reference());
    assertEquals(100, repeated.current());
    assertTrue(repeated.measure().isDrifted());
  }

  @Test
  void aTableThatRepeatsRowsByNatureIsNotDrift() {
    Day reference = day(1, 1_000);
    Day current = day(2, 1_000);
    for (int row = 0; row < 1_000; row++) {
      reference.hashes[row] %= 500;
      current.hashes[row] %= 500;
    }
    assertFalse(compare(reference, current).repeated().measure().isDrifted());
  }

  @Test
  void aConstantColumnIsQuietUntilItChanges() {
    Day reference = day(1, 500);
    Day same = day(2, 500);
    Arrays.fill(reference.numbers[0], 3);
    Arrays.fill(same.numbers[0], 3);
    DriftReport.Column quiet = compare(reference, same).features().getFirst();
    assertEquals(0, quiet.psi().value());
    assertFalse(quiet.isDrifted());
    assertEquals(1, quiet.adjustedPValue());
    Arrays.fill(same.numbers[0], 0, 100, 4);
    assertTrue(compare(reference, same).features().getFirst().isDrifted());
  }

  @Test
  void aColumnThatBecameConstantIsDrift() {
    Day current = day(2, 500);
    Arrays.fill(current.numbers[0], 0);
    DriftReport.Column column = compare(day(1, 500), current).features().getFirst();
    assertTrue(column.isDrifted());
    assertEquals("large", DriftReport.band(column.psi().value()));
  }

  @Test
  void thousandsOfCategoriesAreCompared() {
    List<String> labels = IntStream.range(0, 4_000).mapToObj(String::valueOf).toList();
    int[] codes = new Random(1).ints(3_000, 0, 4_000).toArray();
    int[] others = new Random(2).ints(3_000, 0, 4_000).toArray();
    Samples samples = samples(day(1, 3_000), day(2, 3_000));
    List<ComparedColumn> many = List.of(new Codes("code", labels, codes, others));
    assertFalse(DETECTOR.compare(with(samples, many)).features().getFirst().isDrifted());
    Arrays.fill(others, 0, 300, 17);
    DriftReport.Column moved = DETECTOR.compare(with(samples, many)).features().getFirst();
    assertTrue(moved.isDrifted());
    assertEquals("17", moved.effect().what());
    assertNull(moved.kolmogorovSmirnov());
    assertTrue(moved.histogram().labels().size() <= 13);
  }

  private static Samples with(Samples samples, List<ComparedColumn> features) {
    return new Samples(
        features,
        samples.predictions(),
        samples.labels(),
        samples.shares(),
        samples.referenceHashes(),
        samples.currentHashes());
  }

  @Test
  void labelsOfSomeRowsAreComparedAmongThemselves() {
    Samples samples = samples(day(1, 1_000), day(2, 1_000));
    int[] reference = new int[1_000];
    Arrays.fill(reference, 0, 200, 1);
    int[] current = new int[300];
    Arrays.fill(current, 0, 120, 1);
    Codes labels = new Codes("default", List.of("0", "1"), reference, current);
    DriftReport report =
        DETECTOR.compare(
            new Samples(
                samples.features(),
                samples.features(),
                labels,
                samples.shares(),
                samples.referenceHashes(),
                samples.currentHashes()));
    DriftReport.Column found = Objects.requireNonNull(report.labels());
    assertTrue(found.isDrifted());
    assertEquals(0.2, Math.abs(found.effect().difference()), 1e-9);
    assertEquals(300, found.rows());
    assertEquals(3, report.predictions().size());
    assertEquals(7, report.columns().count());
  }

  @Test
  void tooFewRowsAreRefusedWithASentence() {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> compare(day(1, 500), day(2, 19)));
    assertEquals(
        "The batch has 19 rows; drift is told from chance on at least 20. Compare more rows.",
        refused.getMessage());
  }
}
