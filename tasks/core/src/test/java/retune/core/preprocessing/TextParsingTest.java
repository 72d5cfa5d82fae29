package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDateTime;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextParsingTest {
  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "-2.5, -2.5",
    "+3, 3",
    ".5, 0.5",
    "1e3, 1000",
    "' 4 ', 4",
    "NaN, NaN",
    "inf, Infinity",
    "-Infinity, -Infinity",
    "1e999, Infinity"
  })
  void decimalNumbersAreRead(String text, double number) {
    assertEquals(OptionalDouble.of(number), NumberText.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "one", "1,000", "0x10", "1d", "1-2", "--1", "e", "1e", "+-inf"})
  void otherTextIsNoNumber(String text) {
    assertTrue(NumberText.parse(text).isEmpty());
  }

  @ParameterizedTest
  @CsvSource({
    "2026-11-05, 2026-11-05T00:00",
    "' 2026-11-05 ', 2026-11-05T00:00",
    "2026-11-05T09:30, 2026-11-05T09:30",
    "2026-11-05 09:30:15.25, 2026-11-05T09:30:15.25",
    "2026-11-05T09:30:00Z, 2026-11-05T09:30",
    "2026-11-05T00:30:00+02:00, 2026-11-04T22:30"
  })
  void isoDatesAreReadInUtc(String text, LocalDateTime date) {
    assertEquals(Optional.of(date), DateText.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "2026", "05/11/2026", "5.11.2026", "2026-02-30", "2026-13-01", "2026-11-05x"})
  void otherTextIsNoDate(String text) {
    assertTrue(DateText.parse(text).isEmpty());
  }
}
