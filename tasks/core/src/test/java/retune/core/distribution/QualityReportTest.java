package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;

class QualityReportTest {
  private static final double NAN = Double.NaN;

  @Test
  void aTableIsLikeItself() {
    Table table = Loans.rows(500, 1);

    QualityReport report = QualityReport.compare(table, table, Set.of());

    assertEquals(1, report.overall());
    assertEquals(6, report.columns().size());
    assertEquals(15, report.pairs().size());
  }

  @Test
  void aNumericShapeIsTheGreatestDistanceOfTheDistributionFunctions() {
    // Up to 2, three quarters of the real values lie and one quarter of the synthetic ones.
    double score = shape(numbers("x", 1, 1, 2, 3, NAN), numbers("x", 2, 3, 4, 4), Set.of());

    assertEquals(0.5, score);
  }

  @Test
  void aCategoricalShapeIsTheShareThatBothHave() {
    double score = shape(texts("x", "a", "a", "b", null), texts("x", "a", "c", "b"), Set.of());

    assertEquals(2.0 / 3, score, 1e-12);
  }

  @Test
  void codesAreCategories() {
    Column real = numbers("x", 1, 1, 2, 2);
    Column synthetic = numbers("x", 1, 2, 2, 2);

    assertEquals(0.75, shape(real, synthetic, Set.of("x")), 1e-12);
  }

  @Test
  void aNumericTrendIsTheDifferenceOfCorrelations() {
    QualityReport report =
        QualityReport.compare(
            table(numbers("x", 1, 2, 3, 4), numbers("y", 2, 4, 6, 8)),
            table(numbers("x", 1, 2, 3, 4), numbers("y", 8, 6, 4, 2)),
            Set.of());

    assertEquals(0, report.pairTrends(), 1e-12);
    assertEquals(1, report.columnShapes(), 1e-12);
    assertEquals(0.5, report.overall(), 1e-12);
  }

  @Test
  void aTrendOfCategoriesIsTheShareThatBothContingencyTablesHave() {
    QualityReport report =
        QualityReport.compare(
            table(texts("x", "a", "a", "b", "b"), texts("y", "u", "u", "v", "v")),
            table(texts("x", "a", "a", "b", "b"), texts("y", "u", "v", "v", null)),
            Set.of());

    assertTrue(report.pairs().getFirst().counts());
    assertEquals(0.5, report.pairTrends(), 1e-12);
  }

  @Test
  void aMixedTrendBinsTheNumbersOfEachTableOverTheirOwnRange() {
    QualityReport report =
        QualityReport.compare(
            table(texts("x", "a", "a", "b", "b"), numbers("y", 0, 1, 9, 10)),
            table(texts("x", "a", "a", "b", "b"), numbers("y", 0, 10, 90, 100)),
            Set.of());

    assertEquals(1, report.pairTrends(), 1e-12);
  }

  @Test
  void aPairWithoutATrendInTheRealTableDoesNotCount() {
    QualityReport report =
        QualityReport.compare(
            table(numbers("x", 1, 2, 1, 2), numbers("y", 1, 1, 2, 2)),
            table(numbers("x", 1, 2, 1, 2), numbers("y", 1, 2, 1, 2)),
            Set.of());

    assertFalse(report.pairs().getFirst().counts());
    assertEquals(NAN, report.pairTrends());
    assertEquals(report.columnShapes(), report.overall());
  }

  @Test
  void emptyColumnsHaveNoScore() {
    QualityReport report =
        QualityReport.compare(
            table(numbers("x", NAN, NAN), texts("y", "a", "b")),
            table(numbers("x", NAN, NAN), texts("y", "a", "b")),
            Set.of());

    assertEquals(NAN, report.columns().getFirst().score());
    assertEquals(1, report.columnShapes());
  }

  @Test
  void aTableWithoutRowsIsRefused() {
    Table empty = table(numbers("x"));

    assertThrows(InvalidInputException.class, () -> QualityReport.compare(empty, empty, Set.of()));
  }

  private static double shape(Column real, Column synthetic, Set<String> categorical) {
    return QualityReport.compare(table(real), table(synthetic), categorical)
        .columns()
        .getFirst()
        .score();
  }

  private static Table table(Column... columns) {
    return new Table(List.of(columns));
  }

  private static Column numbers(String name, double... values) {
    return new Column.Numbers(name, values);
  }

  private static Column texts(String name, @Nullable String... values) {
    return new Column.Texts(name, values);
  }
}
