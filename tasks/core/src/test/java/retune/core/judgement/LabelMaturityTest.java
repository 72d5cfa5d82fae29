package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.time.LocalDate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.judgement.LabelMaturity.Labels;

class LabelMaturityTest {
  private static final LabelMaturity MATURITY = new LabelMaturity(0.8, 14);
  private static final LocalDate DATE = LocalDate.parse("2026-03-20");

  @ParameterizedTest(name = "{0} of {1} rows after {2} days: {3}")
  @CsvSource({
    "80, 100, 14, true",
    "79, 100, 14, false",
    "79, 100, 400, false",
    "80, 100, 13, false",
    "99, 100, 13, false",
    "100, 100, 0, true",
    "100, 100, -300, true",
    "0, 0, 14, false",
    "80, 100, 200, true"
  })
  void bothTheShareAndTheAgeMustBeReachedUnlessAllLabelsAreThere(
      int labelled, int rows, int age, boolean reached) {
    assertEquals(reached, MATURITY.isReachedBy(new Labels(DATE, labelled, rows, age)));
  }

  @Test
  void withoutALimitOneLabelSufficesAndNoneDoesNot() {
    LabelMaturity any = new LabelMaturity(0, 0);
    assertTrue(any.isReachedBy(new Labels(DATE, 1, 100, 0)));
    assertFalse(any.isReachedBy(new Labels(DATE, 0, 100, 0)));
  }

  @ParameterizedTest(name = "at {0}: {1} days")
  @CsvSource({
    // Clocks in Europe go forward on 2026-03-29 and back on 2026-10-25; UTC knows neither.
    "2026-03-20T23:59:59Z, 0",
    "2026-03-21T00:00:00Z, 1",
    "2026-03-28T23:30:00Z, 8",
    "2026-03-29T01:30:00Z, 9",
    "2026-04-03T00:00:00Z, 14",
    "2026-04-02T23:59:59Z, 13",
    "2026-10-25T00:30:00Z, 219",
    "2026-10-26T00:30:00Z, 220",
    "2026-03-19T12:00:00Z, -1"
  })
  void theAgeIsInDaysOfUtc(Instant now, long days) {
    assertEquals(days, Labels.at(now, DATE, 1, 2).ageDays());
  }

  @Test
  void theSentenceSaysWhatThereIsAndWhatItTakes() {
    assertEquals(
        "No verdict yet: 799 of 1000 rows (79 %) of 2026-03-20 have a label after 1 day; it takes"
            + " 80 % after 14 days, or all of them, because early labels are biased.",
        MATURITY.wait(new Labels(DATE, 799, 1000, 1)));
    assertTrue(
        new LabelMaturity(0.925, 2).wait(new Labels(DATE, 0, 3, 5)).contains("it takes 92.5 %"));
  }

  @Test
  void limitsThatMakeNoSenseAreRefused() {
    assertThrows(InvalidInputException.class, () -> new LabelMaturity(1.1, 3));
    assertThrows(InvalidInputException.class, () -> new LabelMaturity(Double.NaN, 3));
    assertThrows(InvalidInputException.class, () -> new LabelMaturity(0.5, -1));
  }
}
