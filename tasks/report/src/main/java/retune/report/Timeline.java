package retune.report;

import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import retune.report.Axis.Scale;

/**
 * Values by day as SVG. It fills the width that it gets, and its text keeps its size: a phone shows
 * the same chart as a wide screen. Its layout is {@link #STYLE}, its colours are those of {@link
 * Html#style}.
 *
 * @param title what it shows
 * @param lines drawn one over the other, each in a colour of its own
 * @param limit a dashed line that steps at each of its points; empty for none
 * @param marks days on which something happened
 */
public record Timeline(String title, List<Series> lines, List<Point> limit, List<Mark> marks) {
  /** The layout of charts of this kind. */
  public static final String STYLE =
      """
      svg.plot{width:calc(100% - 4.2rem);height:15rem;margin:1.4rem 1rem 1.6rem 3.2rem;overflow:visible}
      svg.plot.small{height:4.5rem;margin:.4rem 1rem 1.3rem 3.2rem}
      svg.plot svg{height:100%;overflow:visible}.plot .line,.plot .band{vector-effect:non-scaling-stroke}
      .band{fill-opacity:.16;stroke:none}.band.c0,.dot.c0{fill:var(--c0)}.band.c1,.dot.c1{fill:var(--c1)}.dot.c0,.dot.c1{stroke:none}
      .mark{stroke:var(--c2);stroke-width:1.5}.mark.back{stroke:var(--c6);stroke-dasharray:5 3}.plot .whisker{stroke-width:1.5;opacity:.45}
      @media (max-width:36rem){.plot .more{display:none}}
      """;

  /** Up to so many days each have a dot and a whisker; more have a line and a band. */
  private static final int MOST_DOTS = 62;

  /** Days over which the axis names months instead of days. */
  private static final int MONTHS_FROM = 200;

  /** Width and height of the inner drawing, which is stretched. */
  private static final int SIDE = 1000;

  private static final int TICKS = 5;
  private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("d MMM", Locale.ROOT);
  private static final DateTimeFormatter MONTH =
      DateTimeFormatter.ofPattern("MMM uuuu", Locale.ROOT);

  public Timeline {
    lines = List.copyOf(lines);
    limit = List.copyOf(limit);
    marks = List.copyOf(marks);
  }

  /**
   * A value of a day.
   *
   * @param low end of its interval; NaN where it has none
   * @param high the other end
   */
  public record Point(LocalDate day, double value, double low, double high) {
    public Point(LocalDate day, double value) {
      this(day, value, Double.NaN, Double.NaN);
    }

    private boolean hasInterval() {
      return Double.isFinite(low) && Double.isFinite(high);
    }

    private String words() {
      String value = Chart.fixed(value());
      return hasInterval()
          ? "%s: %s (%s to %s)".formatted(day, value, Chart.fixed(low), Chart.fixed(high))
          : day + ": " + value;
    }
  }

  /**
   * Values of one kind.
   *
   * @param points in the order of days, at most one a day, each with a finite value
   */
  public record Series(String name, List<Point> points) {
    public Series {
      points = List.copyOf(points);
    }
  }

  /**
   * Something that happened on a day.
   *
   * @param label one or two characters, which a list beside the chart explains
   * @param isSetback drawn dashed and in red, as a rollback is
   */
  public record Mark(LocalDate day, String label, boolean isSetback) {}

  /** Whether there is nothing to draw. */
  public boolean isEmpty() {
    return points().findAny().isEmpty();
  }

  /** The chart with its legend, in full height. */
  public String figure() {
    List<String> keys = new ArrayList<>();
    for (int line = 0; line < lines.size(); line++) {
      keys.add(Chart.key("k" + line, lines.get(line).name()));
    }
    if (!limit.isEmpty()) {
      keys.add(Chart.key("reference", "limit of the gate"));
    }
    return Chart.figure(title, String.join(" ", keys), svg("plot"));
  }

  /** The chart alone, a few lines of text high. */
  public String small() {
    return svg("plot small");
  }

  private String svg(String style) {
    LocalDate first = points().map(Point::day).min(LocalDate::compareTo).orElseThrow();
    LocalDate last = points().map(Point::day).max(LocalDate::compareTo).orElseThrow();
    Plot plot =
        new Plot(
            first,
            Math.max(1, ChronoUnit.DAYS.between(first, last)),
            Axis.values("")
                .scale(
                    Stream.concat(points(), limit.stream())
                        .flatMapToDouble(
                            point -> DoubleStream.of(point.value, point.low, point.high))
                        .toArray()));
    StringBuilder svg =
        new StringBuilder("<svg class=\"%s\" role=\"img\" aria-label=\"".formatted(style))
            .append(Html.text(words()))
            .append("\">");
    plot.axes(svg, last, style.equals("plot") ? 1 : 2);
    svg.append("<svg width=\"100%\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\">");
    for (int line = 0; line < lines.size(); line++) {
      plot.line(svg, lines.get(line).points(), "c" + line);
    }
    plot.steps(svg, limit, last);
    svg.append("</svg>");
    for (int line = 0; line < lines.size(); line++) {
      plot.dots(svg, lines.get(line).points(), "c" + line);
    }
    for (Mark mark : marks) {
      if (!mark.day.isBefore(first) && !mark.day.isAfter(last)) {
        plot.mark(svg, mark);
      }
    }
    return svg.append("</svg>").toString();
  }

  private Stream<Point> points() {
    return lines.stream().flatMap(line -> line.points().stream());
  }

  /** What a reader who does not see the chart is told. */
  private String words() {
    StringBuilder words = new StringBuilder(title).append('.');
    for (Series line : lines) {
      if (!line.points.isEmpty()) {
        words.append(
            " %s on %d days: least %s, greatest %s, last %s."
                .formatted(
                    line.name,
                    line.points.size(),
                    Chart.fixed(values(line).min().orElseThrow()),
                    Chart.fixed(values(line).max().orElseThrow()),
                    line.points.getLast().words()));
      }
    }
    if (!limit.isEmpty()) {
      words.append(" The gate's limit is ").append(Axis.label(limit.getLast().value)).append('.');
    }
    return words.toString();
  }

  private static DoubleStream values(Series line) {
    return line.points.stream().mapToDouble(Point::value);
  }

  /** Where days and values stand. */
  private record Plot(LocalDate first, long days, Scale up) {
    private double across(LocalDate day) {
      return (double) ChronoUnit.DAYS.between(first, day) / days;
    }

    private double down(double value) {
      return up.place(value, 1, 0);
    }

    void axes(StringBuilder svg, LocalDate last, int every) {
      double[] ticks = up.ticks();
      for (int tick = 0; tick < ticks.length; tick += every) {
        String y = percent(down(ticks[tick]));
        svg.append(
            "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%s\" y2=\"%s\"/><text x=\"0\" dx=\"-8\" y=\"%s\" dy=\"4\" text-anchor=\"end\">%s</text>"
                .formatted(y, y, y, Axis.label(ticks[tick])));
      }
      long span = ChronoUnit.DAYS.between(first, last);
      int ticksAcross = (int) Math.min(TICKS - 1, span);
      for (int tick = 0; tick <= ticksAcross; tick++) {
        LocalDate day =
            ticksAcross == 0
                ? first
                : first.plusDays(Math.round((double) span * tick / ticksAcross));
        String anchor = tick == 0 ? "start" : tick == ticksAcross ? "end" : "middle";
        svg.append(
            "<text class=\"%s\" x=\"%s\" y=\"100%%\" dy=\"18\" text-anchor=\"%s\">%s</text>"
                .formatted(
                    tick % 2 == 0 ? "day" : "day more",
                    percent(across(day)),
                    anchor,
                    (span > MONTHS_FROM ? MONTH : DAY).format(day)));
      }
    }

    void line(StringBuilder svg, List<Point> points, String colour) {
      if (points.size() > MOST_DOTS && points.stream().anyMatch(Point::hasInterval)) {
        svg.append("<polygon class=\"band ").append(colour).append("\" points=\"");
        points.stream()
            .filter(Point::hasInterval)
            .forEach(point -> place(svg, point.day, point.high));
        points.reversed().stream()
            .filter(Point::hasInterval)
            .forEach(point -> place(svg, point.day, point.low));
        svg.append("\"/>");
      }
      svg.append("<polyline class=\"line ").append(colour).append("\" points=\"");
      points.forEach(point -> place(svg, point.day, point.value));
      svg.append("\"/>");
    }

    /** A line that keeps its height until the next point. */
    void steps(StringBuilder svg, List<Point> points, LocalDate last) {
      if (points.isEmpty()) {
        return;
      }
      svg.append("<polyline class=\"line reference\" points=\"");
      double before = points.getFirst().value;
      for (Point point : points) {
        place(svg, point.day, before);
        place(svg, point.day, point.value);
        before = point.value;
      }
      place(svg, last, before);
      svg.append("\"/>");
    }

    void dots(StringBuilder svg, List<Point> points, String colour) {
      if (points.size() > MOST_DOTS) {
        return;
      }
      for (Point point : points) {
        String x = percent(across(point.day));
        if (point.hasInterval()) {
          svg.append(
              "<line class=\"whisker %s\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
                  .formatted(colour, x, x, percent(down(point.low)), percent(down(point.high))));
        }
        svg.append(
            "<circle class=\"dot %s\" cx=\"%s\" cy=\"%s\" r=\"3.5\"><title>%s</title></circle>"
                .formatted(colour, x, percent(down(point.value)), Html.text(point.words())));
      }
    }

    void mark(StringBuilder svg, Mark mark) {
      String x = percent(across(mark.day));
      svg.append(
          "<line class=\"mark%s\" x1=\"%s\" x2=\"%s\" y1=\"0\" y2=\"100%%\"/><text x=\"%s\" y=\"0\" dy=\"-5\" text-anchor=\"middle\">%s</text>"
              .formatted(mark.isSetback ? " back" : "", x, x, x, Html.text(mark.label)));
    }

    private void place(StringBuilder svg, LocalDate day, double value) {
      svg.append(Chart.number(SIDE * across(day)))
          .append(',')
          .append(Chart.number(SIDE * down(value)))
          .append(' ');
    }

    private static String percent(double share) {
      return Chart.number(100 * share) + "%";
    }
  }
}
