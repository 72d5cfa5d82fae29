package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import tools.jackson.databind.json.JsonMapper;

class DistributionLearnerTest {
  private static final Target TARGET = new Target("label", List.of("no", "yes"), "yes");
  private static final LocalDate DAY = LocalDate.of(2026, 11, 5);

  @Test
  void theSameTableGivesTheSameDistribution() {
    assertEquals(json(learn(Loans.rows(3_000, 1))), json(learn(Loans.rows(3_000, 1))));
  }

  @Test
  void aDistributionSurvivesBeingWrittenAsJson() {
    TableDistribution learned = learn(Loans.rows(2_000, 1));

    TableDistribution read = new JsonMapper().readValue(json(learned), TableDistribution.class);

    assertEquals(texts(draw(learned, 50)), texts(draw(read, 50)));
  }

  @Test
  void itsSizeHardlyGrowsWithTheRows() {
    int some = json(learn(Loans.rows(10_000, 1))).length();
    int many = json(learn(Loans.rows(60_000, 1))).length();

    assertTrue(many < 1.2 * some, some + " bytes became " + many);
  }

  @Test
  void constantAndEmptyColumnsStaySo() {
    Table table =
        table(
            numbers("constant", row -> 7),
            numbers("empty", row -> Double.NaN),
            new Column.Texts("blank", new @Nullable String[100]),
            numbers("x", row -> row));

    Table drawn = draw(DistributionLearner.learn(table, TARGET, ""), 200);

    assertTrue(Arrays.stream(values(drawn, "constant")).allMatch(value -> value == 7));
    assertTrue(Arrays.stream(values(drawn, "empty")).allMatch(Double::isNaN));
    assertTrue(IntStream.range(0, 200).allMatch(drawn.column("blank")::isMissing));
  }

  @Test
  void aColumnThatOneClassLacksStaysMissingThere() {
    Table table = table(numbers("x", row -> row % 2 == 0 ? Double.NaN : row));

    Table drawn = draw(DistributionLearner.learn(table, TARGET, ""), 200);

    Column labels = drawn.column("label");
    Column x = drawn.column("x");
    for (int row = 0; row < 200; row++) {
      assertEquals("no".equals(labels.text(row)), x.isMissing(row));
    }
  }

  @Test
  void moreColumnsThanRowsWork() {
    SplittableRandom random = new SplittableRandom(2);
    Column[] columns =
        IntStream.range(0, 200)
            .mapToObj(i -> numbers("x" + i, row -> random.nextGaussian()))
            .toArray(Column[]::new);

    Table drawn = draw(DistributionLearner.learn(table(columns), TARGET, ""), 10);

    assertEquals(201, drawn.columns().size());
  }

  @Test
  void columnsThatHangTogetherDifferentlyInPartsOfTheTableAreFollowed() {
    SplittableRandom random = new SplittableRandom(6);
    double[] x = random.doubles(4_000, -1, 1).toArray();
    double[] square = Arrays.stream(x).map(value -> value * value).toArray();
    String[] labels =
        IntStream.range(0, x.length)
            .mapToObj(i -> i % 2 == 0 ? "no" : "yes")
            .toArray(String[]::new);
    Table table =
        new Table(
            List.of(
                new Column.Numbers("x", x),
                new Column.Numbers("square", square),
                new Column.Texts("label", labels)));

    Table drawn = draw(DistributionLearner.learn(table, TARGET, ""), 2_000);

    double[] drawnX = values(drawn, "x");
    double[] drawnSquare = values(drawn, "square");
    double error =
        IntStream.range(0, drawnX.length)
            .mapToDouble(row -> Math.abs(drawnSquare[row] - drawnX[row] * drawnX[row]))
            .average()
            .orElseThrow();
    assertTrue(error < 0.05, "a parabola was missed by " + error + " on average");
  }

  @Test
  void rowsWithoutALabelAreLeftOut() {
    Table table =
        new Table(
            List.of(
                new Column.Numbers("x", new double[] {1, 2, 99}),
                new Column.Texts("label", new @Nullable String[] {"no", "yes", null})));

    TableDistribution learned = DistributionLearner.learn(table, TARGET, "");

    assertEquals(2, learned.rows());
    assertArrayEquals(new double[] {1, 2}, learned.columns().getFirst().marginal().low());
  }

  @Test
  void theRelevanceOfAColumnIsHowFarItTellsTheClassesApart() {
    Table table =
        table(
            numbers("same", row -> row % 2 == 0 ? 0 : 1),
            numbers("other", row -> Math.floor(row / 2.0)));

    List<FeatureColumn> columns = DistributionLearner.learn(table, TARGET, "").columns();

    assertEquals(1, columns.getFirst().relevance(), 1e-12);
    assertEquals(0, columns.getLast().relevance(), 1e-12);
  }

  @Test
  void moreThanAThousandDifferentTextsAreRefusedByName() {
    String[] names =
        IntStream.range(0, 2_500).mapToObj(row -> "name " + row).toArray(String[]::new);
    String[] labels =
        IntStream.range(0, 2_500).mapToObj(i -> i % 2 == 0 ? "no" : "yes").toArray(String[]::new);
    Table table =
        new Table(List.of(new Column.Texts("name", names), new Column.Texts("label", labels)));

    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class, () -> DistributionLearner.learn(table, TARGET, ""));

    assertTrue(refused.toString().contains("'name'"), refused.toString());
  }

  @Test
  void anInfiniteNumberIsRefusedByRowAndColumn() {
    Table table = table(numbers("x", row -> row == 3 ? Double.POSITIVE_INFINITY : row));

    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class, () -> DistributionLearner.learn(table, TARGET, ""));

    assertTrue(refused.toString().contains("Row 3 of column 'x'"), refused.toString());
  }

  @Test
  void manyDatesAreDrawnAsDatesOfTheirRange() {
    Table dates = dates(day -> LocalDate.of(2020, 1, 1).plusDays(day).toString());
    Table drawn = draw(DistributionLearner.learn(dates, TARGET, ""), 3_000);
    Set<LocalDate> days =
        texts(drawn.without(Set.of("label"))).stream()
            .map(day -> LocalDate.parse(Objects.requireNonNull(day)))
            .collect(Collectors.toSet());
    assertTrue(days.size() > 1_000, days.size() + " distinct dates");
    for (LocalDate day : days) {
      assertTrue(day.getYear() >= 2020 && day.getYear() <= 2024, day.toString());
    }
    assertTrue(QualityReport.compare(dates, drawn, Set.of()).columnShapes() > 0.95);
  }

  @Test
  void manyTimesAreDrawnToTheSecond() {
    Table times =
        dates(minute -> LocalDate.of(2020, 1, 1).atTime(10, 30, 1).plusMinutes(minute).toString());
    Table drawn = draw(DistributionLearner.learn(times, TARGET, ""), 100);
    for (String time : texts(drawn.without(Set.of("label")))) {
      LocalDateTime drawnTime = LocalDateTime.parse(Objects.requireNonNull(time));
      assertTrue(drawnTime.toString().startsWith("2020-01-0"), time);
    }
  }

  @Test
  void manyTextsThatAreNotAllDatesAreRefused() {
    Table mixed = dates(day -> day == 7 ? "soon" : LocalDate.EPOCH.plusDays(day).toString());
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class, () -> DistributionLearner.learn(mixed, TARGET, ""));
    assertTrue(refused.toString().contains("has 1500 different texts"), refused.toString());
  }

  /** 3,000 rows with 1,500 distinct texts, one for each day. */
  private static Table dates(IntFunction<String> text) {
    int rows = 3_000;
    return new Table(
        List.of(
            new Column.Texts(
                "day",
                IntStream.range(0, rows)
                    .mapToObj(row -> text.apply(row / 2))
                    .toArray(String[]::new)),
            new Column.Texts(
                "label",
                IntStream.range(0, rows)
                    .mapToObj(row -> row % 2 == 0 ? "no" : "yes")
                    .toArray(String[]::new))));
  }

  @Test
  void aTargetAloneIsRefused() {
    assertThrows(InvalidInputException.class, () -> DistributionLearner.learn(table(), TARGET, ""));
  }

  private static TableDistribution learn(Table loans) {
    return DistributionLearner.learn(loans, Loans.TARGET, "hash");
  }

  private static Table draw(TableDistribution distribution, int rows) {
    return new TableSampler(distribution, 1, DAY, Drill.NONE).table(rows);
  }

  private static String json(TableDistribution distribution) {
    return new JsonMapper().writeValueAsString(distribution);
  }

  private static List<@Nullable String> texts(Table table) {
    List<@Nullable String> texts = new ArrayList<>();
    for (Column column : table.columns()) {
      IntStream.range(0, table.rows()).mapToObj(column::text).forEach(texts::add);
    }
    return texts;
  }

  /** A hundred rows, "no" and "yes" in turn. */
  private static Table table(Column... columns) {
    List<Column> all = new ArrayList<>(List.of(columns));
    all.add(
        new Column.Texts(
            "label",
            IntStream.range(0, 100)
                .mapToObj(row -> row % 2 == 0 ? "no" : "yes")
                .toArray(String[]::new)));
    return new Table(all);
  }

  private static Column numbers(String name, IntToDoubleFunction value) {
    return new Column.Numbers(name, IntStream.range(0, 100).mapToDouble(value).toArray());
  }

  private static double[] values(Table table, String column) {
    return ((Column.Numbers) table.column(column)).values();
  }
}
