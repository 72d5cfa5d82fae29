package retune.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ChartTest {
  private static final Pattern BAR =
      Pattern.compile("<rect class=\"bar [^>]* x=\"([\\d.]+)\" [^>]*width=\"([\\d.]+)\"");

  @Test
  void barsOfTwoCategoriesDoNotOverlap() {
    Matcher bars = BAR.matcher(bars(List.of("ja", "nein")));
    double end = 0;
    int count = 0;
    for (; bars.find(); count++) {
      double left = Double.parseDouble(bars.group(1));
      assertTrue(left >= end - 0.02, left + " is left of " + end);
      end = left + Double.parseDouble(bars.group(2));
    }
    assertEquals(4, count);
  }

  @Test
  void aRankingsBarsStartAtNothingAndItsWhiskersStayInside() {
    String chart =
        Chart.ranking(
            "drop",
            List.of("a <b>", "small", "worse"),
            new double[] {0.4, 0.1, -0.1},
            new double[] {0.1, 0, 0.05});
    assertTrue(chart.contains("<title>a &lt;b&gt;: 0.4000 ± 0.1000</title>"), chart);
    Matcher bars = BAR.matcher(chart);
    double[][] places = new double[3][];
    for (int i = 0; i < places.length; i++) {
      assertTrue(bars.find());
      double left = Double.parseDouble(bars.group(1));
      places[i] = new double[] {left, left + Double.parseDouble(bars.group(2))};
    }
    assertEquals(places[0][0], places[1][0], "both start at 0");
    assertEquals(places[0][0], places[2][1], 0.02, "a negative one ends there");
    assertEquals(4, (places[0][1] - places[0][0]) / (places[1][1] - places[1][0]), 0.01);
    Matcher whiskers =
        Pattern.compile("class=\"whisker\" x1=\"([\\d.]+)\" x2=\"([\\d.]+)\"").matcher(chart);
    while (whiskers.find()) {
      assertTrue(Double.parseDouble(whiskers.group(1)) >= 120, chart);
      assertTrue(Double.parseDouble(whiskers.group(2)) <= 298, chart);
    }
  }

  @Test
  void eachOfFewCategoriesIsNamedAndOfManyTheFirstAndTheLast() {
    assertTrue(bars(List.of("ja", "nein")).contains(">nein</text>"));
    String many =
        bars(
            List.of(
                "first one",
                "second one",
                "third one",
                "4th one",
                "5th one",
                "6th one",
                "last one"));
    assertTrue(many.contains(">first one</text>"));
    assertFalse(many.contains(">second one</text>"));
    assertTrue(many.contains(">last one</text>"));
    assertTrue(many.contains("<title>second one: real"));
  }

  @Test
  void anAxisOfWholeNumbersHasWholeTicks() {
    assertArrayEquals(
        new double[] {1, 2, 3}, Axis.whole("epoch").scale(new double[] {1, 2, 3}).ticks());
    assertEquals("24", Axis.label(24));
    assertEquals("0.25", Axis.label(0.25));
    assertEquals("0", Axis.label(0));
    assertEquals("1,200,000", Axis.label(1_200_000));
    assertEquals("-334,600", Axis.label(-334_621.5));
    assertEquals("0.0001235", Axis.label(0.000_123_456));
    assertEquals("1.2e+09", Axis.label(1_200_000_000));
    assertEquals("1e-05", Axis.label(0.000_01));
  }

  @Test
  void bothSidesOfTheMatrixNameTheColumns() {
    String matrix =
        Chart.matrix("pairs", List.of("a", "<b>"), new double[][] {{1, Double.NaN}, {0.5, 1}});
    assertEquals(2, occurrences(">a</text>", matrix));
    assertEquals(2, occurrences(">&lt;b&gt;</text>", matrix));
  }

  @Test
  void aReferenceIsDashedAndHasNoColourOfItsOwn() {
    String chart =
        Chart.lines(
            "ROC",
            Axis.unit("x"),
            Axis.unit("y"),
            List.of(
                Line.diagonal("guessing"),
                new Line("model", new double[] {0, 1}, new double[] {0, 1})));
    assertTrue(chart.contains("class=\"line reference\""));
    assertTrue(chart.contains("class=\"line c0\""));
    assertTrue(chart.contains("<span class=\"key reference\">guessing</span>"));
  }

  @Test
  void aTableAlignsColumnsOfNumbers() {
    String table =
        Html.table(List.of("class", "rows"), List.of(List.of("1", "2"), List.of("a", "3")));
    assertTrue(table.contains("<th>class</th><th class=\"n\">rows</th>"), table);
    assertTrue(table.contains("<td>1</td><td class=\"n\">2</td>"), table);
  }

  @Test
  void theDefaultLocaleChangesNothing() {
    Supplier<String> drawn =
        () ->
            bars(List.of("ja", "nein"))
                + Chart.matrix("m", List.of("a", "b"), new double[][] {{1, 1}, {0.25, 1}})
                + Chart.lines(
                    "l",
                    Axis.whole("epoch"),
                    Axis.values("loss"),
                    List.of(Line.ofEpochs("loss", new double[] {1.5, 0.5})))
                + Chart.percent(0.5);
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.ROOT);
      String expected = drawn.get();
      for (String tag : List.of("de", "ar-EG-u-nu-arab")) {
        Locale.setDefault(Locale.forLanguageTag(tag));
        assertEquals(expected, drawn.get(), tag);
      }
    } finally {
      Locale.setDefault(before);
    }
  }

  private static String bars(List<String> labels) {
    double[] shares = labels.stream().mapToDouble(label -> 1.0 / labels.size()).toArray();
    return Chart.bars("title", labels, "real", shares, "generated", shares);
  }

  private static int occurrences(String part, String whole) {
    return whole.split(Pattern.quote(part), -1).length - 1;
  }
}
