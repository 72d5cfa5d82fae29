package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static retune.core.preprocessing.Tables.MISSING;
import static retune.core.preprocessing.Tables.numbers;
import static retune.core.preprocessing.Tables.texts;

import java.time.LocalDate;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.data.Column;

class TypeDetectionTest {
  private static final int ROWS = 1_000;

  static Stream<Arguments> columns() {
    Random random = new Random(1);
    LocalDate day = LocalDate.of(2026, 1, 30);
    return Stream.of(
        detected(ColumnType.CONSTANT, "every value is 7", numbers("x", ROWS, row -> 7)),
        detected(ColumnType.CONSTANT, "every value is a", texts("x", "a", "a")),
        detected(ColumnType.CONSTANT, "no value in any row", numbers("x", MISSING, MISSING)),
        detected(ColumnType.CONSTANT, "no value in any row", texts("x", null, " ")),
        detected(ColumnType.CATEGORICAL, "the value is 7 or missing", numbers("x", 7, MISSING, 7)),
        detected(ColumnType.CATEGORICAL, "two values: 0 and 100", numbers("x", 0, 100, 0)),
        detected(ColumnType.CONSTANT, "every value is 0", numbers("x", 0.0, -0.0)),
        detected(
            ColumnType.CATEGORICAL,
            "11 different whole numbers that fill -2 to 8",
            numbers("x", ROWS, row -> row % 11 - 2)),
        detected(
            ColumnType.CATEGORICAL,
            "3 different whole numbers that fill 1 to 3",
            texts("x", ROWS, row -> String.valueOf(row % 3 + 1))),
        detected(
            ColumnType.NUMERIC,
            "4 different whole numbers, 1 to 99",
            numbers("x", ROWS, row -> row % 4 == 3 ? 99 : row % 4 + 1)),
        detected(
            ColumnType.NUMERIC,
            "21 different whole numbers, 0 to 20",
            numbers("x", ROWS, row -> row % 21)),
        detected(
            ColumnType.NUMERIC,
            "3 different numbers, 0 to 1",
            numbers("x", ROWS, row -> row % 3 / 2.0)),
        detected(ColumnType.NUMERIC, "3 different whole numbers, 1 to 3", numbers("x", 1, 2, 3)),
        detected(
            ColumnType.NUMERIC,
            "999 different whole numbers, 0 to 998; 1 value is not a finite number",
            texts("x", ROWS, row -> row == 999 ? "oops" : String.valueOf(row))),
        detected(
            ColumnType.IDENTIFIER,
            "a different whole number in every row, 1 to 1000",
            numbers("x", ROWS, row -> ROWS - row)),
        detected(
            ColumnType.IDENTIFIER,
            "a different whole number in every row, 0 to 99900",
            numbers("customer_id", ROWS, row -> 100 * row)),
        detected(
            ColumnType.NUMERIC,
            "1000 different whole numbers, 0 to 99900",
            numbers("amount_paid", ROWS, row -> 100 * row)),
        detected(
            ColumnType.IDENTIFIER,
            "1000 different texts in 1000 rows: too few rows of each to learn from",
            texts("x", ROWS, row -> Long.toHexString(random.nextLong()) + "g")),
        detected(
            ColumnType.CATEGORICAL,
            "3 different texts in 1000 rows",
            texts("x", ROWS, row -> "abc".substring(row % 3, row % 3 + 1))),
        detected(
            ColumnType.DATE,
            "2026-01-30 to 2026-02-28",
            texts("x", ROWS, row -> day.plusDays(row % 30).toString())),
        detected(
            ColumnType.DATE,
            "2026-01-30 to soon; 1 value is not an ISO date",
            texts("x", ROWS, row -> row == 5 ? "soon" : day.plusDays(row % 30).toString())));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("columns")
  void aColumnIsTakenAs(ColumnType type, String reason, Column column) {
    assertEquals(new TypeDetection.Detected(type, reason), TypeDetection.detect(column));
  }

  @Test
  void textWithManyWrongNumbersIsNoNumber() {
    Column column = texts("x", ROWS, row -> row % 50 == 0 ? "oops" : String.valueOf(row % 200));
    assertEquals(ColumnType.CATEGORICAL, TypeDetection.detect(column).type());
  }

  private static Arguments detected(ColumnType type, String reason, Column column) {
    return Arguments.of(type, reason, column);
  }
}
