package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.core.preprocessing.Tables.MISSING;
import static retune.core.preprocessing.Tables.numbers;
import static retune.core.preprocessing.Tables.texts;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.FeatureSchema;
import retune.core.data.Table;

class PreprocessingFitterTest {
  private static final FitOptions NONE = FitOptions.excluding();

  @Test
  void categoriesAreCodedInOrderBehindTheReservedCode() {
    Preprocessing fitted = fit(texts("x", "10", "9", "b", "a", "10", "9", "b", "10"));
    CategoricalColumn column = fitted.categorical().getFirst();
    assertEquals(List.of("9", "10", "a", "b"), column.categories().known());
    assertEquals(5, column.categories().cardinality());
  }

  @Test
  void theMostFrequentCategoryFillsAndTheFirstOfEquals() {
    assertEquals("b", fit(texts("x", "b", "a", "b", "c")).categorical().getFirst().fill());
    assertEquals("a", fit(texts("x", "b", "a", "b", "a", "c")).categorical().getFirst().fill());
  }

  @Test
  void theMedianFillsNumbers() {
    assertEquals(2.5, fit(numbers("x", 1, 2, 3, 100)).numeric().getFirst().fill());
  }

  @Test
  void categoriesOfFewRowsShareTheReservedCode() {
    Column column =
        texts("x", 20_000, row -> row < 9 ? "seldom" : row < 20 ? "enough" : "often" + row % 2);
    Categories categories = fit(column).categorical().getFirst().categories();
    assertEquals(List.of("enough", "often0", "often1"), categories.known());
    assertEquals(List.of("seldom"), categories.rare());
  }

  @Test
  void smallTablesHaveNoRareCategories() {
    Categories categories =
        fit(texts("x", 1_999, row -> row == 0 ? "once" : "often" + row % 2))
            .categorical()
            .getFirst()
            .categories();
    assertEquals(List.of("often0", "often1", "once"), categories.known());
  }

  @Test
  void columnsWithMissingValuesGetAFeatureThatSaysSo() {
    Preprocessing fitted =
        fit(
            numbers("n", 1, 2, MISSING, 4, 9),
            texts("c", "a", "b", "c", "a", null),
            texts("d", "2026-01-01", "2026-01-05", null, "2026-01-07", "2026-01-08"),
            numbers("full", 1, 2, 3, 4, 9));
    assertEquals(
        List.of("c", "d_day", "d_day_of_week", "c_missing", "n_missing", "d_missing"),
        fitted.schema().categorical().stream().map(FeatureSchema.Categorical::name).toList());
    assertEquals(
        List.of("n", "full", "d_day_of_year", "d_elapsed_days"), fitted.schema().numeric());
  }

  @Test
  void constantColumnsAndPartsAreDroppedAndNamed() {
    Preprocessing fitted =
        fit(
            numbers("x", 1, 2, 3),
            numbers("same", 5, 5, 5),
            texts("day", "2026-01-01", "2026-01-02", "2026-01-04"));
    assertEquals(
        List.of(
            new DroppedColumn("same", ColumnType.CONSTANT, "every value is 5"),
            new DroppedColumn("day_month", ColumnType.CONSTANT, "every value is 1"),
            new DroppedColumn("day_hour", ColumnType.CONSTANT, "every value is 0"),
            new DroppedColumn("day_year", ColumnType.CONSTANT, "every value is 2026")),
        fitted.dropped());
  }

  @Test
  void datesGiveCalendarPartsAndTime() {
    LocalDate start = LocalDate.of(2024, 12, 30);
    Preprocessing fitted =
        fit(texts("at", 400, row -> start.plusDays(row) + "T" + (10 + row % 3) + ":00:00Z"));
    assertEquals(
        List.of(
            new FeatureSchema.Categorical("at_month", 13),
            new FeatureSchema.Categorical("at_day", 32),
            new FeatureSchema.Categorical("at_day_of_week", 8),
            new FeatureSchema.Categorical("at_hour", 4)),
        fitted.schema().categorical());
    assertEquals(
        List.of("at_year", "at_day_of_year", "at_elapsed_days"), fitted.schema().numeric());
  }

  @Test
  void theCallerStatesTypes() {
    Table table =
        Tables.of(
            numbers("amount", 100, row -> row % 3 + 1),
            numbers("code", 100, row -> row * row),
            texts("word", 100, row -> "w" + row % 5),
            numbers("label", 100, row -> row % 2));
    FitOptions options =
        new FitOptions(
            List.of("label"), List.of("code"), List.of("amount"), List.of(), List.of("word"));
    Preprocessing fitted = PreprocessingFitter.fit(table, options);
    assertEquals(List.of("amount"), fitted.schema().numeric());
    assertEquals(
        List.of(new FeatureSchema.Categorical("code", 101)), fitted.schema().categorical());
    assertEquals(
        List.of(
            new DroppedColumn("word", ColumnType.IDENTIFIER, "stated by the caller"),
            new DroppedColumn("label", ColumnType.EXCLUDED, "stated by the caller")),
        fitted.dropped());
  }

  @Test
  void aTableOfCreditCardClientsSplitsIntoNineCodesAndFourteenQuantities() {
    int rows = 3_000;
    Random random = new Random(7);
    List<Column> columns = new ArrayList<>();
    columns.add(numbers("ID", rows, row -> row + 1));
    columns.add(numbers("LIMIT_BAL", rows, _ -> 10_000 * (1 + random.nextInt(80))));
    columns.add(numbers("SEX", rows, _ -> 1 + random.nextInt(2)));
    columns.add(numbers("EDUCATION", rows, _ -> random.nextInt(7)));
    columns.add(numbers("MARRIAGE", rows, _ -> random.nextInt(4)));
    columns.add(numbers("AGE", rows, _ -> 21 + random.nextInt(55)));
    for (int month = 0; month < 6; month++) {
      // Repayment status: −2 … 8, where 1 never occurs.
      columns.add(
          numbers(
              "PAY_" + month, rows, _ -> List.of(-2, -1, 0, 2, 3, 8, 4).get(random.nextInt(7))));
      columns.add(
          numbers("BILL_AMT" + month, rows, _ -> Math.rint(50_000 * random.nextGaussian())));
      columns.add(
          numbers(
              "PAY_AMT" + month,
              rows,
              _ -> random.nextInt(5) < 4 ? 0 : Math.rint(9_000 * random.nextDouble())));
    }
    Preprocessing fitted = PreprocessingFitter.fit(new Table(columns), NONE);
    assertEquals(9, fitted.schema().categorical().size());
    assertEquals(14, fitted.schema().numeric().size());
    assertEquals(
        List.of(ColumnType.IDENTIFIER),
        fitted.dropped().stream().map(DroppedColumn::type).toList());
  }

  @Test
  void impossibleRequestsAreRefusedWithASentence() {
    Table table = Tables.of(numbers("x", 1, 2, 3), texts("w", "a", "b", "c"));
    assertRefused("no column 'y'", () -> PreprocessingFitter.fit(table, FitOptions.excluding("y")));
    assertRefused(
        "'x' is listed twice",
        () ->
            PreprocessingFitter.fit(
                table,
                new FitOptions(List.of("x"), List.of("x"), List.of(), List.of(), List.of())));
    assertRefused(
        "row 0 has 'a' in the column 'w', which is not a number",
        () ->
            PreprocessingFitter.fit(
                table, new FitOptions(List.of(), List.of(), List.of("w"), List.of(), List.of())));
    assertRefused(
        "row 0 has '1' in the column 'x', which is not an ISO 8601 date",
        () ->
            PreprocessingFitter.fit(
                table, new FitOptions(List.of(), List.of(), List.of(), List.of("x"), List.of())));
    assertRefused(
        "no value in any training row",
        () ->
            PreprocessingFitter.fit(
                Tables.of(numbers("x", MISSING)),
                new FitOptions(List.of(), List.of("x"), List.of(), List.of(), List.of())));
    assertRefused("no training rows", () -> fit(numbers("x")));
    assertRefused("'x' is dropped, every value is 1", () -> fit(numbers("x", 1, 1)));
    assertRefused(
        "named 'x_missing'",
        () -> fit(numbers("x", 1, 2, 3, MISSING), numbers("x_missing", 1, 1, 2, 3)));
  }

  private static Preprocessing fit(Column... columns) {
    return PreprocessingFitter.fit(Tables.of(columns), NONE);
  }

  private static void assertRefused(String words, Executable request) {
    String message =
        String.valueOf(assertThrows(InvalidInputException.class, request).getMessage());
    assertTrue(message.contains(words), message);
  }
}
