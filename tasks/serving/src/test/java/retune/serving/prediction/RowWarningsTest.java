package retune.serving.prediction;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.PreprocessingFitter;
import retune.core.preprocessing.TextColumn;

class RowWarningsTest {
  /** Median 3, quartiles 2 and 4, so that 3 ± 100 is 50 interquartile ranges away. */
  private static final Preprocessing FITTED =
      PreprocessingFitter.fit(
          new Table(
              List.of(
                  new Column.Numbers("amount", new double[] {1, 2, 3, 4, 5}),
                  texts("word", "a", "b", "c", "a", "a"),
                  texts(
                      "day",
                      "2026-01-01",
                      "2026-01-02",
                      "2026-02-02",
                      "2026-03-01",
                      "2026-03-03"))),
          FitOptions.excluding());

  @Test
  void anOrdinaryRowHasNone() {
    assertEquals(List.of(), kinds(FITTED, row("5", "c", "2026-03-01")));
    assertEquals(0, warnings(FITTED, row("5", "c", "2026-03-01"), 0).leftOut());
  }

  @Test
  void eachIsOfItsOwnRowAndNamesTheRawColumn() {
    Table rows =
        new Table(
            List.of(
                texts("amount", "5", "", "5"),
                texts("word", "a", "a", "z"),
                texts("day", "2026-01-01", "2026-01-02", "2031-01-01")));
    assertEquals(List.of(), kinds(FITTED, rows, 0));
    assertEquals(List.of("imputed amount"), kinds(FITTED, rows, 1));
    assertEquals(
        List.of("unseen_category word", "unseen_category day"),
        kinds(FITTED, rows, 2).subList(0, 2));
  }

  @Test
  void aNumberIsFarOutsideBeyondFiftyInterquartileRanges() {
    assertEquals(List.of(), kinds(FITTED, row("103", "a", "2026-01-01")));
    assertEquals(List.of("far_outside amount"), kinds(FITTED, row("104", "a", "2026-01-01")));
    assertEquals(List.of("far_outside amount"), kinds(FITTED, row("-98", "a", "2026-01-01")));
    assertEquals(
        List.of("far_outside amount"),
        kinds(FITTED, row("1e9", "a", "2026-01-01")),
        "once, though it is clipped, too");
  }

  @Test
  void numbersThatAreTakenAsTheyAreHaveNoRange() {
    Preprocessing given =
        Preprocessing.given(
            List.of(new CodeColumn("code", 5, 4)), List.of(NumericColumn.asIs("size")));
    Table row =
        new Table(
            List.of(
                new Column.Numbers("code", new double[] {9}),
                new Column.Numbers("size", new double[] {1e30})));
    assertEquals(List.of("unknown_code code"), kinds(given, row));
  }

  @Test
  void theirNumberIsBounded() {
    List<CodeColumn> codes =
        IntStream.range(0, 25).mapToObj(i -> new CodeColumn("code" + i, 5, 4)).toList();
    Table row =
        new Table(
            codes.stream()
                .<Column>map(code -> new Column.Numbers(code.name(), new double[] {9}))
                .toList());
    Warnings warnings = warnings(Preprocessing.given(codes, List.of()), row, 0);
    assertEquals(Warnings.MOST, warnings.first().size());
    assertEquals(15, warnings.leftOut());
  }

  @Test
  void textsAreToldInTheirOwnWords() {
    TextColumn column = new TextColumn("text", List.of("card", "pin"), 1);
    Preprocessing preprocessing =
        new Preprocessing(List.of(), List.of(), List.of(), List.of(), List.of(), null, column);
    Table rows = new Table(List.of(texts("text", "hello", "card pin", "card")));
    assertTrue(message(preprocessing, rows, 0).contains("knows none of the words in 'text'"));
    assertTrue(message(preprocessing, rows, 1).contains("more known words than the model reads"));
    assertEquals(List.of(), kinds(preprocessing, rows, 2));
  }

  private static Table row(@Nullable String amount, @Nullable String word, @Nullable String day) {
    return new Table(List.of(texts("amount", amount), texts("word", word), texts("day", day)));
  }

  private static Column texts(String name, @Nullable String... values) {
    return new Column.Texts(name, Arrays.copyOf(values, values.length));
  }

  private static String message(Preprocessing preprocessing, Table rows, int row) {
    return warnings(preprocessing, rows, row).first().getFirst().message();
  }

  private static List<String> kinds(Preprocessing preprocessing, Table row) {
    return kinds(preprocessing, row, 0);
  }

  private static List<String> kinds(Preprocessing preprocessing, Table rows, int row) {
    return warnings(preprocessing, rows, row).first().stream()
        .map(warning -> warning.kind() + " " + warning.column())
        .toList();
  }

  private static Warnings warnings(Preprocessing preprocessing, Table rows, int row) {
    RowWarnings warnings = new RowWarnings(new RowWarnings.Columns(preprocessing));
    warnings.check(preprocessing.encoder().apply(rows, 0, warnings).features());
    return warnings.of(row);
  }
}
