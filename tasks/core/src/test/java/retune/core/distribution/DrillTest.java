package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.distribution.Drill.Kind;

class DrillTest {
  private static final int ROWS = 6_000;
  private static final Table REAL = Loans.rows(ROWS, 1);
  private static final TableDistribution LOANS =
      DistributionLearner.learn(REAL, Loans.TARGET, "hash");
  private static final LogisticRegression CLASSIFIER = LogisticRegression.fit(REAL);
  private static final Table HEALTHY = draw(Kind.NONE, 0);

  @Test
  void aModelOfRealRowsKeepsItsLiftOnGeneratedRows() {
    double lift = CLASSIFIER.evaluate(Loans.rows(ROWS, 2)).rocAuc() - 0.5;
    double kept = (CLASSIFIER.evaluate(HEALTHY).rocAuc() - 0.5) / lift;

    assertTrue(lift > 0.25, "lift " + lift);
    assertTrue(kept > 0.9 && kept < 1.1, "share of the lift kept: " + kept);
  }

  @ParameterizedTest
  @EnumSource(names = {"COVARIATE_DRIFT", "CONCEPT_DRIFT", "LABEL_NOISE", "MISSING_BURST"})
  void aDrillOfNoStrengthChangesNothing(Kind kind) {
    assertEquals(rows(HEALTHY), rows(draw(kind, 0)));
  }

  @ParameterizedTest
  @EnumSource(names = {"COVARIATE_DRIFT", "CONCEPT_DRIFT", "LABEL_NOISE", "MISSING_BURST"})
  void aDrillIsTheSameEachTime(Kind kind) {
    assertEquals(rows(draw(kind, 0.5)), rows(draw(kind, 0.5)));
  }

  @ParameterizedTest
  @EnumSource(names = {"NONE", "COVARIATE_DRIFT", "CONCEPT_DRIFT", "LABEL_NOISE", "MISSING_BURST"})
  void aRowDoesNotDependOnHowManyAreAskedFor(Kind kind) {
    TableSampler sampler = sampler(kind, 0.5);
    assertEquals(rows(sampler.table(1_700)).subList(0, 1_300), rows(sampler.table(1_300)));
  }

  @ParameterizedTest
  @EnumSource(names = {"COVARIATE_DRIFT", "CONCEPT_DRIFT", "LABEL_NOISE", "MISSING_BURST"})
  void aStrongDrillTakesMuchOfTheMacroF1AndAMildOneLess(Kind kind) {
    double healthy = CLASSIFIER.evaluate(HEALTHY).f1Macro();
    double mild = CLASSIFIER.evaluate(draw(kind, 0.25)).f1Macro();
    double strong = CLASSIFIER.evaluate(draw(kind, 1)).f1Macro();

    assertTrue(strong < healthy - 0.1, kind + ": " + healthy + " became " + strong);
    assertTrue(mild > strong && mild < healthy, kind + ": " + mild + " at a quarter");
  }

  @Test
  void conceptDriftLeavesTheFeaturesAndCanBeLearnedAgain() {
    Table drifted = draw(Kind.CONCEPT_DRIFT, 1);

    assertEquals(rows(features(HEALTHY)), rows(features(drifted)));
    double before = CLASSIFIER.evaluate(drifted).rocAuc();
    double after = LogisticRegression.fit(drifted).evaluate(drifted).rocAuc();
    assertTrue(before < 0.4 && after > 0.7, before + " became " + after);
  }

  @Test
  void conceptDriftTurnsItsShareOfTheLabelsWhereTheSegmentIsKnown() {
    List<String> before = labels(HEALTHY);
    List<String> after = labels(draw(Kind.CONCEPT_DRIFT, 0.5));

    long turned =
        IntStream.range(0, ROWS).filter(row -> !before.get(row).equals(after.get(row))).count();
    double known = 0.9; // a tenth of the incomes, which cut the segment, are missing
    assertEquals(0.5 * known, (double) turned / ROWS, 0.02);
  }

  @Test
  void covariateDriftMovesNumbersAndCategoriesAndLeavesLabels() {
    Table drifted = draw(Kind.COVARIATE_DRIFT, 1);

    assertTrue(mean(drifted, "age") > mean(HEALTHY, "age") + 10);
    assertTrue(share(drifted, "region", "a") > share(HEALTHY, "region", "a") + 0.2);
    assertEquals(labels(HEALTHY), labels(drifted));
  }

  @Test
  void fullLabelNoiseKeepsTheClassSharesAndLeavesNothingToLearn() {
    Table noisy = draw(Kind.LABEL_NOISE, 1);

    assertEquals(rows(features(HEALTHY)), rows(features(noisy)));
    assertEquals(share(HEALTHY, "repaid", "yes"), share(noisy, "repaid", "yes"), 0.02);
    assertEquals(0.5, CLASSIFIER.evaluate(noisy).rocAuc(), 0.02);
  }

  @Test
  void aMissingBurstEmptiesTheMoreRelevantHalfOfTheColumns() {
    Table holey = draw(Kind.MISSING_BURST, 1);

    List<String> empty =
        holey.columns().stream()
            .filter(column -> IntStream.range(0, ROWS).allMatch(column::isMissing))
            .map(Column::name)
            .toList();
    assertEquals(3, empty.size(), empty.toString());
    assertTrue(empty.contains("income"), empty.toString());
    assertEquals(labels(HEALTHY), labels(holey));
  }

  @ParameterizedTest
  @EnumSource(names = {"TYPOS", "NEW_INTENTS", "SWAPPED_LABELS"})
  void aDrillOfTextsIsRefused(Kind kind) {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> sampler(kind, 0.5));
    assertEquals(
        "The drill '%s' does not work on a table's columns; choose one of none, covariate_drift, concept_drift, label_noise, missing_burst."
            .formatted(kind.name().toLowerCase(Locale.ROOT)),
        refused.getMessage());
  }

  @Test
  void aStrengthBeyondOneIsRefused() {
    assertThrows(InvalidInputException.class, () -> new Drill(Kind.LABEL_NOISE, 1.1));
    assertThrows(InvalidInputException.class, () -> new Drill(Kind.LABEL_NOISE, Double.NaN));
  }

  private static Table draw(Kind kind, double strength) {
    return sampler(kind, strength).table(ROWS);
  }

  private static TableSampler sampler(Kind kind, double strength) {
    return new TableSampler(LOANS, 1, LocalDate.of(2026, 11, 5), new Drill(kind, strength));
  }

  private static Table features(Table table) {
    return table.without(Set.of("repaid"));
  }

  private static List<String> labels(Table table) {
    return rows(new Table(List.of(table.column("repaid"))));
  }

  private static double mean(Table table, String column) {
    return Arrays.stream(((Column.Numbers) table.column(column)).values()).average().orElseThrow();
  }

  private static double share(Table table, String column, String text) {
    Column values = table.column(column);
    return IntStream.range(0, table.rows()).filter(row -> text.equals(values.text(row))).count()
        / (double) table.rows();
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
