package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;

class TableSamplerTest {
  private static final LocalDate DAY = LocalDate.of(2026, 11, 5);
  private static final Table REAL = Loans.rows(6_000, 1);
  private static final TableDistribution LOANS =
      DistributionLearner.learn(REAL, Loans.TARGET, "hash");

  @Test
  void theSameSeedAndDateGiveTheSameRows() {
    assertEquals(rows(sampler(1, DAY), 1_500), rows(sampler(1, DAY), 1_500));
  }

  @Test
  void anotherSeedOrDateGivesOtherRows() {
    List<String> rows = rows(sampler(1, DAY), 10);

    assertNotEquals(rows, rows(sampler(2, DAY), 10));
    assertNotEquals(rows, rows(sampler(1, DAY.plusDays(1)), 10));
  }

  @Test
  void aRowDoesNotDependOnHowManyAreAskedFor() {
    assertEquals(rows(sampler(1, DAY), 2_500).subList(0, 1_300), rows(sampler(1, DAY), 1_300));
  }

  @Test
  void aBlockCanBeDrawnAlone() {
    List<String> all = rows(sampler(1, DAY), 3_000);

    assertEquals(all.subList(2_000, 3_000), rows(sampler(1, DAY).block(2, 1_000)));
  }

  @Test
  void rowsComeInTablesOfAThousand() {
    Iterator<Table> tables = sampler(1, DAY).rows(2_001);

    assertEquals(1_000, tables.next().rows());
    assertEquals(1_000, tables.next().rows());
    assertEquals(1, tables.next().rows());
    assertTrue(!tables.hasNext());
  }

  @Test
  void columnsKeepTheirKindAndTheTargetComesLast() {
    Table table = sampler(1, DAY).block(0, 1_000);

    assertEquals(List.of("income", "debt", "age", "region", "score", "repaid"), table.names());
    assertInstanceOf(Column.Texts.class, table.column("region"));
    assertInstanceOf(Column.Texts.class, table.column("repaid"));
    double[] age = ((Column.Numbers) table.column("age")).values();
    assertTrue(Arrays.stream(age).allMatch(value -> value == Math.rint(value)));
  }

  @Test
  void aNumericTargetStaysNumeric() {
    Table table =
        new Table(
            List.of(
                new Column.Numbers("label", new double[] {0, 1, 0, 1}),
                new Column.Numbers("x", new double[] {1, 2, 1, 2})));
    Target target = new Target("label", List.of("0", "1"), "1");

    Table drawn =
        new TableSampler(DistributionLearner.learn(table, target, ""), 0, DAY, Drill.NONE)
            .block(0, 100);

    double[] labels = ((Column.Numbers) drawn.column("label")).values();
    double[] x = ((Column.Numbers) drawn.column("x")).values();
    assertEquals(Set.of(0.0, 1.0), Set.copyOf(Arrays.stream(labels).boxed().toList()));
    IntStream.range(0, 100).forEach(row -> assertEquals(labels[row] + 1, x[row]));
  }

  @Test
  void generatedRowsLookLikeTheRealOnes() {
    QualityReport report = QualityReport.compare(REAL, sampler(1, DAY).table(6_000), Set.of());

    assertTrue(report.columnShapes() > 0.97, report.toString());
    assertTrue(report.pairTrends() > 0.9, report.toString());
  }

  @Test
  void missingValuesAndPointMassesKeepTheirShare() {
    Table drawn = sampler(1, DAY).table(20_000);

    Column income = drawn.column("income");
    double[] debt = ((Column.Numbers) drawn.column("debt")).values();
    long missing = IntStream.range(0, 20_000).filter(income::isMissing).count();
    assertEquals(0.1, missing / 20_000.0, 0.015);
    assertEquals(1.0 / 3, Arrays.stream(debt).filter(x -> x == 0).count() / 20_000.0, 0.02);
  }

  private static TableSampler sampler(long seed, LocalDate date) {
    return new TableSampler(LOANS, seed, date, Drill.NONE);
  }

  private static List<String> rows(TableSampler sampler, int rows) {
    List<String> texts = new ArrayList<>();
    sampler.rows(rows).forEachRemaining(table -> texts.addAll(rows(table)));
    return texts;
  }

  private static List<String> rows(Table table) {
    return IntStream.range(0, table.rows())
        .mapToObj(
            row ->
                table.columns().stream()
                    .map(column -> Objects.toString(column.text(row)))
                    .toList()
                    .toString())
        .toList();
  }
}
