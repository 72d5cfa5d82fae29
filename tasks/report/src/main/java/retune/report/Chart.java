package retune.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.report.Axis.Scale;

/** Charts as SVG that take their colours from the style sheet of {@link Html#page}. */
public final class Chart {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 200;
  private static final int LEFT = 46;
  private static final int RIGHT = 10;
  private static final int TOP = 8;
  private static final int BOTTOM = 34;
  private static final int COLOURS = 8;

  /** Width of a character of a chart's text, about. */
  private static final double CHARACTER = 6;

  /** A bar's share of the room of its group; two bars leave a tenth on either side. */
  private static final double BAR = 0.4;

  private static final int MATRIX_MARGIN = 130;
  private static final int MATRIX_LABEL = 20;

  /** A ranking's width, and the height of one of its bars with the room around it. */
  private static final int RANK_WIDTH = 350;

  private static final int RANK = 20;
  private static final int RANK_AXIS = 4;

  /** Room for a name. */
  private static final int RANK_MARGIN = 120;

  private static final int RANK_LABEL = 18;

  /** Room for a bar's value. */
  private static final int RANK_VALUE = 52;

  private Chart() {}

  /**
   * The losses of training and of validation by epoch or round.
   *
   * @param round what is counted: epochs or rounds
   * @param loss name of the loss
   */
  public static String losses(
      String title, String round, String loss, double[] training, double[] validation) {
    return lines(
        title,
        Axis.whole(round),
        Axis.values(loss),
        List.of(Line.ofEpochs("training", training), Line.ofEpochs("validation", validation)));
  }

  /** Lines over common axes, with a legend where there are several. */
  public static String lines(String title, Axis x, Axis y, List<Line> lines) {
    Scale across = x.scale(values(lines, true));
    Scale up = y.scale(values(lines, false));
    StringBuilder svg = open(title, up, y.name());
    for (double tick : across.ticks()) {
      svg.append(
          text(across.place(tick, LEFT, WIDTH - RIGHT), HEIGHT - 20, "middle", Axis.label(tick)));
    }
    svg.append(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4, "middle", x.name()));
    List<String> keys = new ArrayList<>();
    int colour = 0;
    for (Line line : lines) {
      String style = line.isReference() ? "reference" : "c" + colour % COLOURS;
      svg.append(
          "<polyline class=\"line %s\" points=\"%s\"/>"
              .formatted(
                  style,
                  IntStream.range(0, line.x().length)
                      .filter(point -> Double.isFinite(line.y()[point]))
                      .mapToObj(
                          point ->
                              number(across.place(line.x()[point], LEFT, WIDTH - RIGHT))
                                  + ","
                                  + number(up.place(line.y()[point], HEIGHT - BOTTOM, TOP)))
                      .collect(Collectors.joining(" "))));
      if (!line.name().isEmpty()) {
        keys.add(key(line.isReference() ? "reference" : "k" + colour % COLOURS, line.name()));
      }
      colour += line.isReference() ? 0 : 1;
    }
    return figure(title, keys.size() < 2 ? "" : String.join(" ", keys), close(svg));
  }

  /**
   * Two bars side by side for each group.
   *
   * @param labels of the groups, the full text of which shows where one points at a bar
   * @param firstName what the first bar of a group is
   * @param first its share, 0 … 1, by group
   */
  public static String bars(
      String title,
      List<String> labels,
      String firstName,
      double[] first,
      String secondName,
      double[] second) {
    double most =
        Math.max(Arrays.stream(first).max().orElse(0), Arrays.stream(second).max().orElse(0));
    Scale up = new Scale(0, most == 0 ? 1 : most, 0);
    StringBuilder svg = open(title, up, "share");
    double room = (double) (WIDTH - LEFT - RIGHT) / labels.size();
    for (int group = 0; group < labels.size(); group++) {
      double left = LEFT + group * room;
      String tip =
          "%s: %s %s, %s %s"
              .formatted(
                  labels.get(group),
                  firstName,
                  percent(first[group]),
                  secondName,
                  percent(second[group]));
      svg.append(bar(left + room * (0.5 - BAR), room * BAR, first[group], up, "c0", tip));
      svg.append(bar(left + room * 0.5, room * BAR, second[group], up, "c1", tip));
    }
    svg.append(groupLabels(labels, room));
    return figure(title, "", close(svg));
  }

  /** Under each group where there is room; otherwise under the first and the last. */
  private static String groupLabels(List<String> labels, double room) {
    int longest = labels.stream().mapToInt(String::length).max().orElse(0);
    double y = HEIGHT - 20;
    if (longest * CHARACTER <= room || labels.size() <= 3) {
      int most = Math.max(3, (int) (room / CHARACTER));
      return IntStream.range(0, labels.size())
          .mapToObj(
              group -> text(LEFT + (group + 0.5) * room, y, "middle", cut(labels.get(group), most)))
          .collect(Collectors.joining());
    }
    int half = (int) ((WIDTH - LEFT - RIGHT) / 2 / CHARACTER);
    return text(LEFT, y, "start", cut(labels.getFirst(), half))
        + text(WIDTH - RIGHT, y, "end", cut(labels.getLast(), half));
  }

  /**
   * The lower triangle of a symmetric matrix as squares, the redder the lower.
   *
   * @param scores {@code [row][column]}, 0 … 1, of which the part below the diagonal is shown; NaN
   *     is left blank
   */
  public static String matrix(String title, List<String> names, double[][] scores) {
    int size = Math.clamp(600 / names.size(), 9, 22);
    int squares = size * names.size();
    int width = MATRIX_MARGIN + squares + 4;
    int height = squares + MATRIX_MARGIN;
    StringBuilder svg =
        new StringBuilder(
            "<svg class=\"own\" width=\"%s\" viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"%s\">"
                .formatted(width, width, height, Html.text(title)));
    for (int row = 0; row < names.size(); row++) {
      String name = cut(names.get(row), MATRIX_LABEL);
      double middle = row * size + size * 0.5;
      svg.append(text(MATRIX_MARGIN - 6, middle + 4, "end", name));
      svg.append(
          "<text transform=\"translate(%s %s) rotate(-90)\" text-anchor=\"end\">%s</text>"
              .formatted(number(MATRIX_MARGIN + middle + 4), squares + 6, Html.text(name)));
      for (int column = 0; column < row; column++) {
        double score = scores[row][column];
        if (!Double.isNaN(score)) {
          svg.append(
              "<rect class=\"cell\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill-opacity=\"%s\"><title>%s</title></rect>"
                  .formatted(
                      MATRIX_MARGIN + column * size,
                      row * size,
                      size - 1,
                      size - 1,
                      number(Math.clamp(0.06 + 3 * (1 - score), 0, 1)),
                      Html.text(
                          "%s, %s: %s"
                              .formatted(names.get(row), names.get(column), fixed(score)))));
        }
      }
    }
    return figure(title, "", close(svg));
  }

  /**
   * A horizontal bar for each name, one below the other, with a whisker for its spread.
   *
   * @param names the full text of which shows where one points at a bar
   * @param values a bar goes from 0 to the value, which may be negative
   * @param spreads how far the whisker goes on either side of the value, at least 0
   */
  public static String ranking(
      String title, List<String> names, double[] values, double[] spreads) {
    double low = 0;
    double high = 0;
    for (int i = 0; i < values.length; i++) {
      low = Math.min(low, values[i] - spreads[i]);
      high = Math.max(high, values[i] + spreads[i]);
    }
    double start = low;
    double extent = high > low ? high - low : 1;
    int height = names.size() * RANK + RANK_AXIS;
    StringBuilder svg =
        new StringBuilder(
            "<svg class=\"own\" width=\"%s\" viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"%s\">"
                .formatted(RANK_WIDTH, RANK_WIDTH, height, Html.text(title)));
    DoubleUnaryOperator across =
        value -> RANK_MARGIN + (value - start) / extent * (RANK_WIDTH - RANK_MARGIN - RANK_VALUE);
    for (int i = 0; i < values.length; i++) {
      double zero = across.applyAsDouble(0);
      double end = across.applyAsDouble(values[i]);
      double middle = (i + 0.5) * RANK;
      svg.append(text(RANK_MARGIN - 6, middle + 4, "end", cut(names.get(i), RANK_LABEL)))
          .append(
              "<rect class=\"bar c0\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>"
                  .formatted(
                      number(Math.min(zero, end)),
                      number(i * RANK + 3),
                      number(Math.max(0.5, Math.abs(end - zero))),
                      RANK - 6,
                      Html.text(
                          "%s: %s ± %s"
                              .formatted(names.get(i), fixed(values[i]), fixed(spreads[i])))))
          .append(
              "<line class=\"whisker\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
                  .formatted(
                      number(across.applyAsDouble(values[i] - spreads[i])),
                      number(across.applyAsDouble(values[i] + spreads[i])),
                      number(middle),
                      number(middle)))
          .append(text(RANK_WIDTH - 4, middle + 4, "end", fixed(values[i])));
    }
    double zero = across.applyAsDouble(0);
    svg.append(
        "<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"0\" y2=\"%s\"/>"
            .formatted(number(zero), number(zero), names.size() * RANK));
    return figure(title, "", close(svg));
  }

  /** A key of a legend for bars of the first and second kind. */
  public static String legend(String first, String second) {
    return "<p>" + key("k0", first) + " " + key("k1", second) + "</p>\n";
  }

  /** A score or metric with four digits; a dash where it is not defined. */
  public static String fixed(double value) {
    return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%.4f", value);
  }

  /** A share as a percentage with one digit. */
  public static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private static double[] values(List<Line> lines, boolean across) {
    return lines.stream()
        .flatMapToDouble(line -> Arrays.stream(across ? line.x() : line.y()))
        .toArray();
  }

  /** Begins an SVG with the axis that goes up. */
  private static StringBuilder open(String title, Scale up, String name) {
    StringBuilder svg =
        new StringBuilder(
            "<svg viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"%s\">"
                .formatted(WIDTH, HEIGHT, Html.text(title)));
    for (double tick : up.ticks()) {
      double height = up.place(tick, HEIGHT - BOTTOM, TOP);
      svg.append(
          "<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>"
              .formatted(LEFT, WIDTH - RIGHT, number(height), number(height)));
      svg.append(text(LEFT - 4, height + 4, "end", Axis.label(tick)));
    }
    return svg.append(
        "<text transform=\"translate(10 %s) rotate(-90)\" text-anchor=\"middle\">%s</text>"
            .formatted((TOP + HEIGHT - BOTTOM) / 2, Html.text(name)));
  }

  private static String close(StringBuilder svg) {
    return svg.append("</svg>").toString();
  }

  private static String bar(
      double x, double width, double share, Scale up, String colour, String tip) {
    double top = up.place(share, HEIGHT - BOTTOM, TOP);
    return "<rect class=\"bar %s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>"
        .formatted(
            colour,
            number(x),
            number(top),
            number(width),
            number(HEIGHT - BOTTOM - top),
            Html.text(tip));
  }

  private static String text(double x, double y, String anchor, String text) {
    return "<text x=\""
        + number(x)
        + "\" y=\""
        + number(y)
        + "\" text-anchor=\""
        + anchor
        + "\">"
        + Html.text(text)
        + "</text>";
  }

  private static String cut(String text, int most) {
    return text.length() > most ? text.substring(0, most - 1) + "…" : text;
  }

  static String key(String style, String name) {
    return "<span class=\"key %s\">%s</span>".formatted(style, Html.text(name));
  }

  static String figure(String title, String legend, String svg) {
    return "<figure><figcaption>%s %s</figcaption>%s</figure>\n"
        .formatted(Html.text(title), legend, svg);
  }

  /**
   * A length with two digits. A page has thousands, for which a format would take most of its time.
   */
  static String number(double value) {
    long hundredths = Math.round(100 * value);
    long fraction = Math.abs(hundredths % 100);
    return (hundredths < 0 ? "-" : "")
        + Math.abs(hundredths / 100)
        + (fraction < 10 ? ".0" : ".")
        + fraction;
  }
}
