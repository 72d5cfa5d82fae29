package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.LocalDateTime;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Table;

class FeatureTableTest {
  private static final Preprocessing PREPROCESSING =
      new Preprocessing(
          List.of(
              new CategoricalColumn(
                  "region",
                  new Categories(List.of("north", "south"), List.of("east")),
                  "north",
                  MissingValues.INDICATE,
                  "text")),
          List.of(new CodeColumn("grade", 3, 0)),
          List.of(
              new NumericColumn(
                  "income", new Scaling(20_000, 30_000, 1000), 20_000, MissingValues.IMPUTE, "")),
          List.of(
              new DateColumn(
                  "signed",
                  LocalDateTime.parse("2026-01-01T00:00:00"),
                  MissingValues.IMPUTE,
                  List.of(
                      new DateColumn.CategoricalPart(
                          DatePart.MONTH, new Categories(List.of("1", "2"), List.of()))),
                  List.of(new DateColumn.NumericPart(DatePart.YEAR, new Scaling(2025, 1, 1000))),
                  "")),
          List.of(),
          null,
          null);

  private final Features features =
      PREPROCESSING
          .apply(
              new Table(
                  List.of(
                      new Column.Texts("region", new @Nullable String[] {"south", "east", null}),
                      new Column.Numbers("grade", new double[] {2, 1, 0}),
                      new Column.Numbers("income", new double[] {0, 20_000, 51_234}),
                      new Column.Texts(
                          "signed",
                          new @Nullable String[] {"2024-01-31", "2025-02-01", "2026-02-02"}))))
          .features();

  @Test
  void categoriesHaveTheirNamesAndNumbersTheirUnit() {
    Table table = FeatureTable.of(PREPROCESSING, features, name -> true);
    assertEquals(
        List.of("region", "grade", "signed_month", "region_missing", "income", "signed_year"),
        table.names());
    assertArrayEquals(new String[] {"south", "(other)", "north"}, texts(table, "region"));
    assertArrayEquals(new String[] {"2", "1", "0"}, texts(table, "grade"));
    assertArrayEquals(new String[] {"1", "2", "2"}, texts(table, "signed_month"));
    assertArrayEquals(new String[] {"no", "no", "yes"}, texts(table, "region_missing"));
    assertArrayEquals(new double[] {0, 20_000, 51_234}, numbers(table, "income"), 0.01);
    assertArrayEquals(new double[] {2024, 2025, 2026}, numbers(table, "signed_year"), 1e-6);
  }

  @Test
  void onlyTheWantedFeaturesAreMade() {
    assertEquals(
        List.of("income"), FeatureTable.of(PREPROCESSING, features, "income"::equals).names());
  }

  private static @Nullable String[] texts(Table table, String column) {
    return ((Column.Texts) table.column(column)).values();
  }

  private static double[] numbers(Table table, String column) {
    return ((Column.Numbers) table.column(column)).values();
  }
}
