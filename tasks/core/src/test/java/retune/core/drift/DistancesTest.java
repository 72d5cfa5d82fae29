package retune.core.drift;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.json.JsonMapper;

class DistancesTest {
  /** As {@code src/test/python/drift_fixtures.py} records it. */
  private record Fixture(
      String name,
      float[] reference,
      float[] current,
      @JsonProperty("reference_counts") long[] referenceCounts,
      @JsonProperty("current_counts") long[] currentCounts,
      double psi,
      @JsonProperty("jensen_shannon") double jensenShannon,
      double ks,
      @JsonProperty("ks_p_value") double ksPValue,
      double wasserstein) {
    float[] sortedReference() {
      float[] sorted = reference.clone();
      Arrays.sort(sorted);
      return sorted;
    }

    float[] sortedCurrent() {
      float[] sorted = current.clone();
      Arrays.sort(sorted);
      return sorted;
    }
  }

  private static Stream<DynamicTest> each(Consumer<Fixture> check) throws IOException {
    try (InputStream json = DistancesTest.class.getResourceAsStream("fixtures.json")) {
      return Arrays.stream(
              JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixture[].class))
          .map(fixture -> DynamicTest.dynamicTest(fixture.name, () -> check.accept(fixture)));
    }
  }

  @TestFactory
  Stream<DynamicTest> numbersFallBetweenTheReferencesDecilesAsNumpyCutsThem() throws IOException {
    return each(
        fixture -> {
          Bins bins = Bins.ofNumbers(fixture.sortedReference());
          assertArrayEquals(
              fixture.referenceCounts, bins.coarse(bins.counts(bins.of(fixture.reference))));
          assertArrayEquals(
              fixture.currentCounts, bins.coarse(bins.counts(bins.of(fixture.current))));
        });
  }

  @TestFactory
  Stream<DynamicTest> psiIsNumpys() throws IOException {
    return each(
        fixture ->
            assertEquals(
                fixture.psi,
                Distances.psi(fixture.referenceCounts, fixture.currentCounts),
                1e-9 * fixture.psi));
  }

  @TestFactory
  Stream<DynamicTest> divergenceIsTheSquareOfScipysDistance() throws IOException {
    return each(
        fixture ->
            assertEquals(
                fixture.jensenShannon,
                Distances.jensenShannon(fixture.referenceCounts, fixture.currentCounts),
                1e-9));
  }

  @TestFactory
  Stream<DynamicTest> kolmogorovSmirnovIsScipys() throws IOException {
    return each(
        fixture ->
            assertEquals(
                fixture.ks,
                Distances.kolmogorovSmirnov(fixture.sortedReference(), fixture.sortedCurrent()),
                1e-12));
  }

  @TestFactory
  Stream<DynamicTest> pValueIsScipysToSixPercent() throws IOException {
    return each(
        fixture ->
            assertEquals(
                fixture.ksPValue,
                Distances.kolmogorovPValue(
                    fixture.ks, fixture.reference.length, fixture.current.length),
                0.06 * fixture.ksPValue + 1e-12));
  }

  @TestFactory
  Stream<DynamicTest> wassersteinIsScipys() throws IOException {
    return each(
        fixture ->
            assertEquals(
                fixture.wasserstein,
                Distances.wasserstein(fixture.sortedReference(), fixture.sortedCurrent()),
                1e-9 * fixture.wasserstein));
  }

  @Test
  void theRarestOfThousandsOfCodesShareABin() {
    int[] codes = new int[20_000];
    for (int row = 0; row < codes.length; row++) {
      codes[row] = row % 2 == 0 ? row % 40 : row % 5_000;
    }
    Bins bins = Bins.ofCodes(codes, new int[] {4_998}, 5_000);
    assertEquals(Bins.MOST_CODES, bins.count());
    long[] counts = bins.counts(bins.of(codes));
    assertEquals(codes.length, Distances.sum(counts));
    assertArrayEquals(new int[] {Bins.MOST_CODES - 1}, bins.of(new int[] {4_999}));
  }
}
