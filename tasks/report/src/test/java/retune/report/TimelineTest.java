package retune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDate;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.report.Timeline.Mark;
import retune.report.Timeline.Point;
import retune.report.Timeline.Series;

class TimelineTest {
  private static final LocalDate FIRST = LocalDate.of(2026, 11, 1);

  @Test
  void eachOfAFewDaysHasADotAndItsInterval() {
    String chart = timeline(5, List.of()).figure();

    assertEquals(5, count(chart, "<circle"));
    assertEquals(5, count(chart, "class=\"whisker"));
    assertEquals(0, count(chart, "<polygon"));
    assertTrue(chart.contains("<title>2026-11-03: 0.7200 (0.6200 to 0.8200)</title>"), chart);
  }

  @Test
  void manyDaysHaveALineAndABand() {
    String chart = timeline(730, List.of()).figure();

    assertEquals(0, count(chart, "<circle"));
    assertEquals(1, count(chart, "<polygon"));
    assertTrue(chart.contains(">Nov 2026<"), chart);
    assertTrue(chart.length() < 60_000, chart.length() + " characters");
  }

  @Test
  void theChartIsToldInWords() {
    String chart = timeline(5, List.of()).figure();

    assertTrue(
        chart.contains(
            "aria-label=\"F1 &lt;b&gt;. measured on 5 days: least 0.7000, greatest 0.7400, last"
                + " 2026-11-05: 0.7400 (0.6400 to 0.8400). The gate&#39;s limit is 0.66.\""),
        chart);
    assertFalse(chart.contains("<b>"), chart);
  }

  @Test
  void marksStandOnTheirDayAndThoseOutsideAreLeftOut() {
    String chart =
        timeline(
                5,
                List.of(
                    new Mark(FIRST.plusDays(2), "1", false),
                    new Mark(FIRST.plusDays(4), "2", true),
                    new Mark(FIRST.plusDays(9), "3", false)))
            .figure();

    assertTrue(chart.contains("<line class=\"mark\" x1=\"50.00%\""), chart);
    assertTrue(chart.contains("<line class=\"mark back\" x1=\"100.00%\""), chart);
    assertFalse(chart.contains(">3</text>"), chart);
  }

  @Test
  void aDayAloneAndADayWithoutAnIntervalAreDrawn() {
    Timeline one =
        new Timeline(
            "F1",
            List.of(new Series("measured", List.of(new Point(FIRST, 0.7)))),
            List.of(),
            List.of());

    assertFalse(one.isEmpty());
    assertFalse(one.small().contains("NaN"), one.small());
    assertEquals(1, count(one.small(), "<circle"));
    assertTrue(new Timeline("F1", List.of(), List.of(), List.of()).isEmpty());
  }

  private static Timeline timeline(int days, List<Mark> marks) {
    List<Point> points =
        IntStream.range(0, days)
            .mapToObj(
                day -> {
                  double value = 0.7 + 0.01 * (day % 7);
                  return new Point(FIRST.plusDays(day), value, value - 0.1, value + 0.1);
                })
            .toList();
    return new Timeline(
        "F1 <b>", List.of(new Series("measured", points)), List.of(new Point(FIRST, 0.66)), marks);
  }

  private static int count(String text, String part) {
    return (int) Pattern.compile(Pattern.quote(part)).matcher(text).results().count();
  }
}
