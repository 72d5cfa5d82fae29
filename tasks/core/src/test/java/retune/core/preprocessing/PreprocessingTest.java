package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static retune.core.preprocessing.Occurrence.named;
import static retune.core.preprocessing.Tables.MISSING;
import static retune.core.preprocessing.Tables.numbers;
import static retune.core.preprocessing.Tables.texts;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

class PreprocessingTest {
  /** Median 3, quartiles 2 and 4; categories a (most frequent), b, c; a label that is excluded. */
  private static final Preprocessing FITTED =
      PreprocessingFitter.fit(
          Tables.of(
              numbers("amount", 1, 2, 3, 4, 5),
              texts("word", "a", "b", "c", "a", "a"),
              texts("day", "2026-01-01", "2026-01-02", "2026-02-02", "2026-03-01", "2026-03-03"),
              texts("label", "yes", "no", "no", "no", "no")),
          FitOptions.excluding("label"));

  @Test
  void eachFeatureBelongsToOneRawColumn() {
    Preprocessing fitted =
        PreprocessingFitter.fit(
            Tables.of(
                texts("day", "2026-01-31 10:00", null, "2026-03-01 12:00", "2026-04-02 09:00"),
                numbers("amount", 1, Double.NaN, 3, 4),
                texts("kind", "a", "b", "a", "b")),
            FitOptions.excluding());
    Map<String, List<String>> features = fitted.featuresByColumn();
    assertEquals(fitted.rawColumns(), List.copyOf(features.keySet()));
    assertEquals(List.of("kind"), features.get("kind"));
    assertEquals(List.of("amount", "amount_missing"), features.get("amount"));
    assertEquals(
        fitted.schema().names().stream().sorted().toList(),
        features.values().stream().flatMap(List::stream).sorted().toList());
  }

  @Test
  void readableRowsBecomeFeatures() {
    Preprocessing.Result result = FITTED.apply(row("5", "c", "2026-03-01"));
    assertArrayEquals(new int[] {0}, result.keptRows());
    assertArrayEquals(new float[] {1}, result.features().numbers()[0]);
    // word c; month 3, day 1, Sunday; counted from 1 among the categories that training rows had.
    assertEquals(List.of(3, 3, 1, 5), codes(result));
    assertEquals(Map.of(), named(result.outcomes()));
    assertEquals(Map.of(), named(result.rejected()));
  }

  @Test
  void anUnseenCategoryBecomesTheReservedCode() {
    Preprocessing.Result result = FITTED.apply(row("5", "z", "2026-03-01"));
    assertEquals(0, result.features().codes()[0][0]);
    assertEquals(Map.of("unseen_category.word", 1), named(result.outcomes()));
  }

  @Test
  void anUnseenPartOfADateBecomesTheReservedCode() {
    Preprocessing.Result result = FITTED.apply(row("5", "a", "2026-07-01"));
    assertEquals(0, result.features().codes()[1][0]);
    assertEquals(
        Map.of("unseen_category.day_month", 1, "unseen_category.day_day_of_week", 1),
        named(result.outcomes()));
  }

  @Test
  void missingValuesAreFilledAndCounted() {
    Preprocessing.Result result = FITTED.apply(row(null, " ", null));
    assertArrayEquals(new float[] {0}, result.features().numbers()[0]);
    assertEquals(List.of(1, 2, 2, 1), codes(result));
    assertEquals(
        Map.of("imputed.amount", 1, "imputed.word", 1, "imputed.day", 1), named(result.outcomes()));
  }

  @Test
  void notANumberIsMissing() {
    Table raw =
        Tables.of(numbers("amount", MISSING), texts("word", "a"), texts("day", "2026-01-01"));
    assertEquals(Map.of("imputed.amount", 1), named(FITTED.apply(raw).outcomes()));
    assertEquals(
        Map.of("imputed.amount", 1), named(FITTED.apply(row("nan", "a", "2026-01-01")).outcomes()));
  }

  @Test
  void missingValuesShowInTheFeatureThatTrainingGaveReasonFor() {
    Preprocessing fitted =
        PreprocessingFitter.fit(Tables.of(numbers("x", 1, MISSING, 3, 5)), FitOptions.excluding());
    Preprocessing.Result result = fitted.apply(Tables.of(numbers("x", MISSING, 3)));
    assertArrayEquals(new int[] {1, 0}, result.features().codes()[0]);
    assertArrayEquals(new float[] {0, 0}, result.features().numbers()[0]);
  }

  @Test
  void valuesOfTheWrongTypeRejectTheirRow() {
    Table raw =
        Tables.of(
            texts("amount", "1", "many", "3", "4"),
            texts("word", "a", "a", "z", "a"),
            texts("day", "2026-01-01", "someday", "someday", "2026-01-01"));
    Preprocessing.Result result = FITTED.apply(raw);
    assertArrayEquals(new int[] {0, 3}, result.keptRows());
    assertEquals(2, result.features().rows());
    assertEquals(Map.of("wrong_type.amount", 1, "wrong_type.day", 1), named(result.rejected()));
    assertEquals(Map.of(), named(result.outcomes()), "values of rejected rows are not counted");
  }

  @Test
  void numbersWhereDatesAreReadRejectTheirRow() {
    Table raw = Tables.of(numbers("amount", 1), texts("word", "a"), numbers("day", 20_260_101));
    assertEquals(Map.of("wrong_type.day", 1), named(FITTED.apply(raw).rejected()));
  }

  @Test
  void infiniteNumbersRejectTheirRow() {
    Table raw =
        Tables.of(
            numbers("amount", Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 2),
            texts("word", "a", "a", "a"),
            texts("day", "2026-01-01", "2026-01-01", "2026-01-01"));
    Preprocessing.Result result = FITTED.apply(raw);
    assertArrayEquals(new int[] {2}, result.keptRows());
    assertEquals(Map.of("infinite.amount", 2), named(result.rejected()));
  }

  @Test
  void absurdNumbersAreClipped() {
    Preprocessing.Result result = FITTED.apply(row("-1e300", "a", "2026-01-01"));
    assertArrayEquals(new float[] {-1_000}, result.features().numbers()[0]);
    assertEquals(Map.of("clipped.amount", 1), named(result.outcomes()));
  }

  @Test
  void aMissingColumnIsRefusedByName() {
    Table raw = Tables.of(numbers("amount", 1));
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> FITTED.apply(raw));
    assertEquals(
        "The data lacks [word, day], which the model reads; its columns are [amount]. "
            + "Send the missing columns, or use a model trained without them.",
        refusal.getMessage());
  }

  @Test
  void anExtraColumnIsCountedAndIgnored() {
    Table raw =
        Tables.of(
            texts("new", "x", "y"),
            numbers("amount", 1, 2),
            texts("word", "a", "a"),
            texts("day", "2026-01-01", "2026-01-02"),
            texts("label", "yes", "no"));
    Preprocessing.Result result = FITTED.apply(raw);
    assertEquals(2, result.features().rows());
    assertEquals(
        Map.of("extra_column.new", 2), named(result.outcomes()), "excluded ones are expected");
  }

  @Test
  void theOrderOfColumnsDoesNotMatter() {
    Table raw = row("5", "c", "2026-03-01");
    Table turned = new Table(raw.columns().reversed());
    assertEquals(codes(FITTED.apply(raw)), codes(FITTED.apply(turned)));
  }

  @Test
  void numbersLearntAsCategoriesAreKnownAsText() {
    Preprocessing fitted =
        PreprocessingFitter.fit(
            Tables.of(numbers("code", 100, row -> row % 4)), FitOptions.excluding());
    Preprocessing.Result result =
        fitted.apply(Tables.of(texts("code", "0", "1.0", "02", "x", "7")));
    assertArrayEquals(new int[] {1, 2, 3, 0, 0}, result.features().codes()[0]);
    assertEquals(Map.of("unseen_category.code", 2), named(result.outcomes()));
  }

  @Test
  void rareCategoriesAreToldFromUnseenOnes() {
    Preprocessing fitted =
        PreprocessingFitter.fit(
            Tables.of(texts("x", 20_000, row -> row == 0 ? "seldom" : "often" + row % 3)),
            FitOptions.excluding());
    assertEquals(
        Map.of("rare_category.x", 1, "unseen_category.x", 1),
        named(fitted.apply(Tables.of(texts("x", "seldom", "never", "often1"))).outcomes()));
  }

  @Test
  void chunkByChunkEqualsAllAtOnce() {
    Random random = new Random(3);
    Table raw =
        Tables.of(
            texts("amount", 500, _ -> random.nextInt(9) == 0 ? "bad" : "" + random.nextGaussian()),
            texts(
                "word",
                500,
                _ -> random.nextInt(9) == 0 ? null : "" + "abz".charAt(random.nextInt(3))),
            texts("day", 500, _ -> "2026-0" + (1 + random.nextInt(9)) + "-01"),
            numbers("extra", 500, row -> row));
    Preprocessing.Result whole = FITTED.apply(raw);
    float[] amounts = new float[0];
    int[] words = new int[0];
    Map<Occurrence, Integer> counts = new TreeMap<>();
    for (int start = 0; start < 500; start += 70) {
      int[] rows = IntStream.range(start, Math.min(start + 70, 500)).toArray();
      Preprocessing.Result chunk = FITTED.apply(raw.select(rows));
      amounts = append(amounts, chunk.features().numbers()[0]);
      words =
          IntStream.concat(Arrays.stream(words), Arrays.stream(chunk.features().codes()[0]))
              .toArray();
      chunk.outcomes().forEach((name, count) -> counts.merge(name, count, Integer::sum));
      chunk.rejected().forEach((name, count) -> counts.merge(name, count, Integer::sum));
    }
    assertArrayEquals(whole.features().numbers()[0], amounts);
    assertArrayEquals(whole.features().codes()[0], words);
    Map<Occurrence, Integer> expected = new TreeMap<>(whole.outcomes());
    expected.putAll(whole.rejected());
    assertEquals(expected, counts);
  }

  @Test
  void givenCodesAndNumbersAreTakenAsTheyAre() {
    Preprocessing given =
        Preprocessing.given(
            List.of(new CodeColumn("code", 5, CodeColumn.NONE)),
            List.of(NumericColumn.asIs("size")));
    Preprocessing.Result result =
        given.apply(
            Tables.of(
                numbers("code", 4, 0, MISSING, 1.5, 2), numbers("size", 7, 1e300, 1, 1, MISSING)));
    assertArrayEquals(new int[] {4, 0}, result.features().codes()[0]);
    assertArrayEquals(new float[] {7, Float.MAX_VALUE}, result.features().numbers()[0]);
    assertEquals(Map.of("clipped.size", 1), named(result.outcomes()));
    assertEquals(
        Map.of("missing_value.code", 1, "wrong_type.code", 1, "missing_value.size", 1),
        named(result.rejected()));
  }

  @Test
  void anImpossibleGivenCodeIsRefusedByRowColumnAndValue() {
    Preprocessing given =
        Preprocessing.given(List.of(new CodeColumn("code", 5, CodeColumn.NONE)), List.of());
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> given.apply(Tables.of(numbers("code", 4, 5)), 2_000));
    assertEquals(
        "Row 2001 has 5 in the column 'code', whose codes are 0 to 4. "
            + "Encode the data as the model's training data was encoded.",
        refusal.getMessage());
  }

  @Test
  void anImpossibleGivenCodeBecomesTheUnknownCodeWhereThereIsOne() {
    Preprocessing given = Preprocessing.given(List.of(new CodeColumn("code", 5, 0)), List.of());
    Preprocessing.Result result = given.apply(Tables.of(numbers("code", 4, 5, -1, MISSING, 1e18)));
    assertArrayEquals(new int[] {4, 0, 0, 0, 0}, result.features().codes()[0]);
    assertEquals(Map.of("unknown_code.code", 4), named(result.outcomes()));
  }

  @Test
  void aTableOfSentencesIsRefused() {
    Table sentences = Tables.of(texts("text", 30, row -> "sentence " + row));
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> PreprocessingFitter.fit(sentences, FitOptions.excluding()));
    assertEquals(
        "No column of the training rows can be a feature: 'text' is dropped, 30 different texts in"
            + " 30 rows: too few rows of each to learn from. Add columns of numbers, categories or"
            + " dates.",
        refusal.getMessage());
  }

  @Test
  void noRowsGiveNoFeatures() {
    Table none = row("5", "c", "2026-03-01").select(new int[0]);
    assertEquals(0, FITTED.apply(none).features().rows());
  }

  @Test
  void equalPreprocessingHasEqualHashesAndDifferentHasNot() {
    Table table = Tables.of(numbers("x", 1, 2, 3, 4), texts("w", "a", "b", "c", "a"));
    Preprocessing fitted = PreprocessingFitter.fit(table, FitOptions.excluding());
    assertEquals(fitted.hash(), PreprocessingFitter.fit(table, FitOptions.excluding()).hash());
    Table other = Tables.of(numbers("x", 1, 2, 3, 4), texts("w", "a", "b", "c", "b"));
    assertNotEquals(fitted.hash(), PreprocessingFitter.fit(other, FitOptions.excluding()).hash());
  }

  @Test
  void listsThatReadAlikeHaveDifferentHashes() {
    assertNotEquals(
        CanonicalText.of(new Categories(List.of("a, b"), List.of())),
        CanonicalText.of(new Categories(List.of("a", "b"), List.of())));
    assertNotEquals(
        CanonicalText.of(new Categories(List.of("a"), List.of())),
        CanonicalText.of(new Categories(List.of(), List.of("a"))));
  }

  @Test
  void strictJsonReadsWhatItWrote() {
    TableNotation notation =
        new TableNotation(
            List.of("offen"),
            List.of(new TableNotation.ColumnNotation("x", "decimal comma", List.of("fehlt"))));
    Preprocessing fitted =
        PreprocessingFitter.fit(
            Tables.of(numbers("x", 1, 2, 3, 4)), FitOptions.excluding().withNotation(notation));
    JsonMapper json =
        JsonMapper.builder()
            .enable(
                DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();
    assertEquals(fitted, json.readValue(json.writeValueAsString(fitted), Preprocessing.class));

    Preprocessing texts =
        PreprocessingFitter.fit(
            Tables.of(texts("x", "a b", "b a")),
            FitOptions.excluding().withTexts(List.of("x")).withNotation(notation));
    JsonMapper strict =
        json.rebuild().enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES).build();
    Preprocessing read = strict.readValue(strict.writeValueAsString(texts), Preprocessing.class);
    assertEquals(texts, read);
    assertEquals(texts.hash(), read.hash());
    assertNotEquals(fitted.hash(), read.hash());
  }

  @Test
  void theNotationOfTheTableIsPartOfTheHashWhereThereIsOne() {
    Table table = Tables.of(numbers("x", 1, 2, 3, 4));
    Preprocessing plain = PreprocessingFitter.fit(table, FitOptions.excluding());
    Preprocessing written =
        PreprocessingFitter.fit(
            table, FitOptions.excluding().withNotation(new TableNotation(List.of("-"), List.of())));
    assertNotEquals(plain.hash(), written.hash());
  }

  private static Table row(@Nullable String amount, @Nullable String word, @Nullable String day) {
    return Tables.of(texts("amount", amount), texts("word", word), texts("day", day));
  }

  private static List<Integer> codes(Preprocessing.Result result) {
    return Arrays.stream(result.features().codes()).map(column -> column[0]).toList();
  }

  private static float[] append(float[] first, float[] second) {
    float[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }
}
