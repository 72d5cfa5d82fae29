package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Table;
import tools.jackson.databind.json.JsonMapper;

class TextColumnTest {
  private static final FitOptions TEXTS = FitOptions.excluding("label").withTexts(List.of("text"));

  private static final FitOptions TEXTS_ALONE = FitOptions.excluding().withTexts(List.of("text"));

  /** As {@code src/test/python/text_fixtures.py} records it. */
  private record Fixture(
      List<String> training,
      List<String> later,
      List<String> terms,
      List<Map<String, Double>> weights) {}

  @Test
  void weightsAreThoseOfScikitLearn() throws IOException {
    Fixture fixture;
    try (InputStream json = TextColumnTest.class.getResourceAsStream("texts.json")) {
      fixture = JsonMapper.shared().readValue(Objects.requireNonNull(json), Fixture.class);
    }
    Preprocessing fitted = fit(fixture.training);
    TextColumn column = Objects.requireNonNull(fitted.text());
    assertEquals(fixture.terms, column.terms().stream().sorted().toList());
    Features training = fitted.apply(texts(fixture.training)).features();
    float[] idf = TfIdf.inverseFrequencies(training, column.terms().size());
    Features all =
        fitted
            .apply(texts(Stream.concat(fixture.training.stream(), fixture.later.stream()).toList()))
            .features();
    float[] encoded = new float[TfIdf.encodedSize(column.length())];
    for (int row = 0; row < all.rows(); row++) {
      TfIdf.encode(all.codes(), row, idf, encoded, 0);
      Map<String, Double> weights = new HashMap<>();
      for (int pair = 0; pair < encoded.length && encoded[pair + 1] != 0; pair += 2) {
        weights.put(column.terms().get((int) encoded[pair]), (double) encoded[pair + 1]);
      }
      Map<String, Double> expected = fixture.weights.get(row);
      assertEquals(expected.keySet(), weights.keySet(), "text " + row);
      expected.forEach(
          (term, weight) ->
              assertEquals(weight, weights.getOrDefault(term, Double.NaN), 1e-6, term));
    }
    assertTrue(fixture.weights.getLast().isEmpty(), "a text of unknown words encodes as zeros");
  }

  @Test
  void aTextGivesTheCodesOfItsTermsAndHowMuchOfItIsKnown() {
    Preprocessing fitted = fit(List.of("a b", "a b c", "c"));
    TextColumn column = Objects.requireNonNull(fitted.text());
    assertEquals(List.of("a", "a b", "b", "c"), column.terms());
    assertEquals(16, column.length());
    Preprocessing.Result result =
        fitted.apply(
            new Table(
                List.of(
                    new Column.Texts("text", new String[] {"C a b a", " ", "x y", null, "c z"}))));
    Features features = result.features();
    assertArrayEquals(new int[] {0, 2, 4}, result.keptRows(), "blank texts are rejected");
    assertEquals(List.of(1, 1, 2, 3, 4, 0), codes(features, 0, 6));
    assertEquals(List.of(0, 0), codes(features, 1, 2));
    assertArrayEquals(new float[] {4, 2, 2}, features.numbers()[0]);
    assertArrayEquals(new float[] {0, 1, 0.5f}, features.numbers()[1]);
    assertEquals(Map.of("missing_value.text", 2), Occurrence.named(result.rejected()));
    assertEquals(Map.of("unseen_category.text", 1), Occurrence.named(result.outcomes()));
    FeatureSchema schema = fitted.schema();
    assertEquals(new FeatureSchema.Categorical("text_term_1", 5), schema.categorical().getFirst());
    assertEquals(List.of("text_words", "text_unknown_share"), schema.numeric());
    assertEquals(List.of("text"), fitted.rawColumns());
    assertEquals(schema.names(), fitted.featuresByColumn().get("text"));
    assertEquals(schema.numeric().size(), fitted.limits().length);
    Table table = FeatureTable.of(fitted, features, name -> !name.endsWith("_16"));
    assertEquals("a b", table.column("text_term_3").text(0));
    assertEquals("2", table.column("text_words").text(1));
  }

  @Test
  void aTextOfMoreTermsThanAreReadLosesTheLastAndIsCounted() {
    TextColumn column = new TextColumn("text", List.of("a", "b", "c"), 2);
    TextColumn.Coded coded = column.code("c x b a");
    assertArrayEquals(new int[] {2, 3}, coded.codes());
    assertTrue(coded.isShortened());
    Preprocessing.Result result =
        new Preprocessing(List.of(), List.of(), List.of(), List.of(), List.of(), null, column)
            .apply(texts(List.of("a b c", "a b")));
    assertEquals(Map.of("clipped.text", 1), Occurrence.named(result.outcomes()));
  }

  @Test
  void theVocabularyHasTheTermsOfMostTextsAndNoneOfOneText() {
    List<String> many = new ArrayList<>();
    for (int word = 0; word < TextColumn.MOST_TERMS + 10; word++) {
      many.add("w" + word + ".");
    }
    String all = String.join(" ", many);
    TextColumn column =
        Objects.requireNonNull(fit(List.of(all, String.join(" ? ", many), "w7 once")).text());
    assertEquals(TextColumn.MOST_TERMS, column.terms().size());
    assertEquals("w7", column.terms().getFirst(), "in three texts");
    assertEquals(-1, column.terms().indexOf("once"));
    assertEquals(TextColumn.MOST_LENGTH, column.length());
  }

  @Test
  void whatCannotBeFittedIsRefusedWithASentence() {
    assertRefused("No word of column 'text' is in two", () -> fit(List.of("a", "b")));
    assertRefused(
        "reads one column of texts",
        () ->
            PreprocessingFitter.fit(
                new Table(
                    List.of(
                        new Column.Texts("text", new String[] {"a"}),
                        new Column.Texts("other", new String[] {"b"}))),
                FitOptions.excluding().withTexts(List.of("text", "other"))));
    assertRefused(
        "has no value in any training row",
        () -> PreprocessingFitter.fit(texts(List.of("", " ")), TEXTS_ALONE));
    assertRefused(
        "reads no other column",
        () ->
            new Preprocessing(
                List.of(),
                List.of(new CodeColumn("grade", 3, 0)),
                List.of(),
                List.of(),
                List.of(),
                null,
                new TextColumn("text", List.of("a"), 1)));
    assertRefused("needs at least one term", () -> new TextColumn("text", List.of(), 1));
    assertRefused("length of 1 to 256", () -> new TextColumn("text", List.of("a"), 257));
    assertRefused(
        "has the term 'a' twice", () -> new TextColumn("text", List.of("a", "b", "a"), 4));
  }

  @Test
  void columnsBesideTheTextAreDroppedWithTheReason() {
    Table table =
        new Table(
            List.of(
                new Column.Texts("text", new String[] {"a b", "b a"}),
                new Column.Texts("label", new String[] {"x", "y"}),
                new Column.Numbers("age", new double[] {1, 2})));
    Preprocessing fitted = PreprocessingFitter.fit(table, TEXTS);
    assertEquals(
        List.of("label", "age"), fitted.dropped().stream().map(DroppedColumn::name).toList());
    assertTrue(fitted.dropped().getLast().reason().contains("texts alone"));
  }

  private static Preprocessing fit(List<String> texts) {
    return PreprocessingFitter.fit(texts(texts), TEXTS_ALONE);
  }

  private static Table texts(List<String> texts) {
    return new Table(List.of(new Column.Texts("text", texts.toArray(String[]::new))));
  }

  private static List<Integer> codes(Features features, int row, int count) {
    return IntStream.range(0, count).mapToObj(i -> features.codes()[i][row]).toList();
  }

  private static void assertRefused(String words, Executable refused) {
    String sentence = assertThrows(InvalidInputException.class, refused).getMessage();
    assertTrue(sentence != null && sentence.contains(words), sentence);
  }
}
