package retune.core.distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.Drill.Kind;

class TextSamplerTest {
  private static final LocalDate DAY = LocalDate.of(2026, 11, 5);
  private static final List<String> CLASSES = List.of("card", "pin", "rate");

  /** Each text is there once; "my" is in all of them, a number's letters in one. */
  private static final Map<String, String> LABELS = new TreeMap<>();

  static {
    for (int i = 0; i < 2_400; i++) {
      String label = i % 4 == 0 ? "card" : CLASSES.get(i % 3);
      String number =
          Integer.toString(i)
              .chars()
              .map(digit -> digit - '0' + 'a')
              .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
              .toString();
      LABELS.put("my %s 我的卡 %s %d".formatted(label, number, i), label);
    }
  }

  private static final HeldBackTexts HELD =
      new HeldBackTexts(
          HeldBackTexts.FORMAT,
          "text",
          new Target("intent", CLASSES, null),
          List.copyOf(LABELS.keySet()),
          List.copyOf(LABELS.values()),
          "hash");

  @Test
  void aDayHasEachTextAtMostOnceAndIsTheSameHoweverItIsDrawn() {
    List<List<String>> all = draw(Kind.NONE, 0, DAY, 2_400);
    assertEquals(LABELS.size(), all.stream().map(List::getFirst).distinct().count());
    all.forEach(row -> assertEquals(LABELS.get(row.getFirst()), row.getLast()));
    assertEquals(all.subList(0, 1_300), draw(Kind.NONE, 0, DAY, 1_300));
    List<List<String>> typos = draw(Kind.TYPOS, 0.5, DAY, 2_400);
    assertEquals(
        typos.subList(1_000, 2_100), rows(sampler(Kind.TYPOS, 0.5, DAY).rows(1_000, 2_100)));
    assertNotEquals(all, draw(Kind.NONE, 0, DAY.plusDays(1), 2_400));
  }

  @Test
  void moreRowsThanTextsAreRefused() {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> draw(Kind.NONE, 0, DAY, 2_401));
    assertTrue(
        Objects.requireNonNull(refused.getMessage())
            .startsWith("2,401 rows are asked for, and 2,400 texts are held back"),
        refused.getMessage());
  }

  @Test
  void typosSwapLettersInAsManyWordsAsTheStrengthSays() {
    List<List<String>> before = draw(Kind.NONE, 0, DAY, 2_400);
    List<List<String>> after = draw(Kind.TYPOS, 0.5, DAY, 2_400);
    int changed = 0;
    for (int row = 0; row < before.size(); row++) {
      String[] were = before.get(row).getFirst().split(" ", -1);
      String[] are = after.get(row).getFirst().split(" ", -1);
      assertEquals(were.length, are.length);
      assertEquals("my", are[0], "a short word stays");
      assertEquals(before.get(row).getLast(), after.get(row).getLast());
      assertEquals(sorted(were[1]), sorted(are[1]));
      changed += were[1].equals(are[1]) ? 0 : 1;
    }
    // Swapping two equal letters would change nothing; "card", "pin" and "rate" have none.
    assertTrue(Math.abs(changed - 1_200) < 100, changed + " of 2,400 words are changed");
  }

  @Test
  void newIntentsHaveWordsOfTheirOwnAndNoLabel() {
    List<List<String>> before = draw(Kind.NONE, 0, DAY, 2_400);
    List<List<String>> after = draw(Kind.NEW_INTENTS, 0.25, DAY, 2_400);
    int changed = 0;
    for (int row = 0; row < before.size(); row++) {
      if (after.get(row).equals(before.get(row))) {
        assertNotNull(after.get(row).getLast());
        continue;
      }
      changed++;
      assertNull(after.get(row).getLast());
      String[] words = after.get(row).getFirst().split(" ", -1);
      assertEquals("my", words[0], "a word of all classes stays");
      assertEquals(before.get(row).getFirst().split(" ", -1)[4], words[4], "a number stays");
      assertNotEquals(before.get(row).getFirst().split(" ", -1)[3], words[3]);
    }
    assertTrue(Math.abs(changed - 600) < 100, changed + " of 2,400 texts are new");
  }

  @Test
  void swappedLabelsExchangeTheMostFrequentClasses() {
    List<List<String>> before = draw(Kind.NONE, 0, DAY, 2_400);
    List<List<String>> after = draw(Kind.SWAPPED_LABELS, 0.5, DAY, 2_400);
    // Of equally frequent classes the alphabetically first one.
    Map<String, String> labels = Map.of("card", "pin", "pin", "card", "rate", "rate");
    for (int row = 0; row < before.size(); row++) {
      assertEquals(before.get(row).getFirst(), after.get(row).getFirst());
      assertEquals(labels.get(before.get(row).getLast()), after.get(row).getLast());
    }
  }

  @Test
  void labelNoiseDrawsAsManyLabelsAgain() {
    List<List<String>> before = draw(Kind.NONE, 0, DAY, 2_400);
    List<List<String>> after = draw(Kind.LABEL_NOISE, 1, DAY, 2_400);
    long same =
        IntStream.range(0, 2_400).filter(row -> before.get(row).equals(after.get(row))).count();
    // By chance, half of the rows being of one class and a quarter of each other.
    assertTrue(Math.abs(same - 900) < 120, same + " labels are the same");
  }

  @ParameterizedTest
  @EnumSource(names = {"TYPOS", "NEW_INTENTS", "SWAPPED_LABELS"})
  void noDrillChangesAnythingAtStrengthZero(Kind kind) {
    assertEquals(draw(Kind.NONE, 0, DAY, 2_400), draw(kind, 0, DAY, 2_400));
  }

  @ParameterizedTest
  @EnumSource(names = {"COVARIATE_DRIFT", "CONCEPT_DRIFT", "MISSING_BURST"})
  void aDrillOfTablesIsRefused(Kind kind) {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> sampler(kind, 0.5, DAY));
    assertEquals(
        "The drill '%s' does not work on texts; choose one of none, label_noise, typos, new_intents, swapped_labels."
            .formatted(kind.name().toLowerCase(Locale.ROOT)),
        refused.getMessage());
  }

  @Test
  void textsWithOtherLabelsAreRefused() {
    assertThrows(
        InvalidInputException.class,
        () ->
            new HeldBackTexts(
                HeldBackTexts.FORMAT,
                "text",
                new Target("intent", CLASSES, null),
                List.of("my loan"),
                List.of("loan"),
                "hash"));
  }

  private static List<List<String>> draw(Kind kind, double strength, LocalDate day, int rows) {
    return rows(sampler(kind, strength, day).rows(rows));
  }

  private static TextSampler sampler(Kind kind, double strength, LocalDate day) {
    return new TextSampler(HELD, 1, day, new Drill(kind, strength));
  }

  private static List<List<String>> rows(Iterator<Table> tables) {
    List<List<String>> rows = new ArrayList<>();
    tables.forEachRemaining(
        table -> {
          Column texts = table.column("text");
          Column labels = table.column("intent");
          for (int row = 0; row < table.rows(); row++) {
            rows.add(Arrays.asList(texts.text(row), labels.text(row)));
          }
        });
    return rows;
  }

  private static String sorted(String word) {
    return word.chars()
        .sorted()
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
