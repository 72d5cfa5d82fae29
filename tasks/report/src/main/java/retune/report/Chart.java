package retune.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Charts as SVG that takes its colours from the page's style sheet. */
public final class Chart {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 200;
  private static final int LEFT = 46;
  private static final int RIGHT = 8;
  private static final int TOP = 8;
  private static final int BOTTOM = 34;
  private static final int COLOURS = 8;

  private Chart() {}

  /** A line of a chart; points are in drawing order, and not a number is left out. */
  public record Line(String name, double[] x, double[] y) {
    /** Values of 1, 2, 3 … */
    public static Line ofEpochs(String name, double[] y) {
      return new Line(name, IntStream.rangeClosed(1, y.length).asDoubleStream().toArray(), y);
    }
  }

  /**
   * Lines over common axes, with a legend where there are several.
   *
   * @param unit whether both axes go from 0 to 1
   */
  public static String lines(String title, String x, String y, boolean unit, List<Line> lines) {
    double[] xs = lines.stream().flatMapToDouble(line -> Arrays.stream(line.x)).toArray();
    double[] ys =
        lines.stream()
            .flatMapToDouble(line -> Arrays.stream(line.y))
            .filter(Double::isFinite)
            .toArray();
    Scale across = unit ? new Scale(0, 1) : Scale.around(xs);
    Scale up = unit ? new Scale(0, 1) : Scale.around(ys);
    StringBuilder svg = new StringBuilder(axes(title, x, y, across, up));
    for (int i = 0; i < lines.size(); i++) {
      Line line = lines.get(i);
      svg.append("<polyline class=\"line c")
          .append(i % COLOURS)
          .append("\" points=\"")
          .append(
              IntStream.range(0, line.x.length)
                  .filter(point -> Double.isFinite(line.y[point]))
                  .mapToObj(
                      point ->
                          number(across.place(line.x[point], LEFT, WIDTH - RIGHT))
                              + ","
                              + number(up.place(line.y[point], HEIGHT - BOTTOM, TOP)))
                  .collect(Collectors.joining(" ")))
          .append("\"/>");
    }
    return figure(
        title, svg.append("</svg>").toString(), legend(lines.stream().map(Line::name).toList()));
  }

  /**
   * Two shares a bar, one over the other.
   *
   * @param labels what is under the first and the last bar; others would not fit
   */
  public static String bars(String title, double[] real, double[] generated, List<String> labels) {
    double most = 0;
    for (int bar = 0; bar < real.length; bar++) {
      most = Math.max(most, Math.max(real[bar], generated[bar]));
    }
    Scale up = new Scale(0, most == 0 ? 1 : most);
    double width = (double) (WIDTH - LEFT - RIGHT) / real.length;
    StringBuilder svg = new StringBuilder(axes(title, labels.getFirst(), "share", null, up));
    svg.append(text(WIDTH - RIGHT, HEIGHT - 20, "end", labels.getLast()));
    for (int bar = 0; bar < real.length; bar++) {
      double left = LEFT + bar * width;
      svg.append(bar(left + width * 0.08, width * 0.5, real[bar], up, "c0"));
      svg.append(bar(left + width * 0.42, width * 0.5, generated[bar], up, "c1"));
    }
    return figure(title, svg.append("</svg>").toString(), "");
  }

  /**
   * A triangle of squares, the darker the worse.
   *
   * @param scores {@code [row][column]}, 0 … 1, of which the part below the diagonal is shown; NaN
   *     is left blank
   */
  public static String matrix(String title, List<String> names, double[][] scores) {
    int size = Math.clamp(600 / names.size(), 6, 22);
    int margin = 130;
    int side = margin + size * names.size() + 4;
    StringBuilder svg =
        new StringBuilder(
            "<svg class=\"own\" width=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">"
                .formatted(side, side, size * names.size() + 4, Html.text(title)));
    for (int row = 0; row < names.size(); row++) {
      svg.append(text(margin - 6, row * size + size * 0.75, "end", names.get(row)));
      for (int column = 0; column < row; column++) {
        double score = scores[row][column];
        if (!Double.isNaN(score)) {
          svg.append(
              "<rect class=\"cell\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill-opacity=\"%s\"><title>%s</title></rect>"
                  .formatted(
                      margin + column * size,
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
    return figure(title, svg.append("</svg>").toString(), "");
  }

  private static String bar(double x, double width, double share, Scale up, String colour) {
    double top = up.place(share, HEIGHT - BOTTOM, TOP);
    return "<rect class=\"bar %s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>"
        .formatted(colour, number(x), number(top), number(width), number(HEIGHT - BOTTOM - top));
  }

  private static String axes(String title, String x, String y, @Nullable Scale across, Scale up) {
    StringBuilder svg =
        new StringBuilder(
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">"
                .formatted(WIDTH, HEIGHT, Html.text(title)));
    for (double tick : up.ticks()) {
      double height = up.place(tick, HEIGHT - BOTTOM, TOP);
      svg.append(
          "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%s\" y2=\"%s\"/>"
              .formatted(LEFT, WIDTH - RIGHT, number(height), number(height)));
      svg.append(text(LEFT - 4, height + 4, "end", Scale.label(tick)));
    }
    if (across == null) {
      svg.append(text(LEFT, HEIGHT - 20, "start", x));
    } else {
      for (double tick : across.ticks()) {
        svg.append(
            text(
                across.place(tick, LEFT, WIDTH - RIGHT), HEIGHT - 20, "middle", Scale.label(tick)));
      }
      svg.append(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4, "middle", x));
    }
    svg.append(
        "<text class=\"side\" transform=\"translate(10 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>"
            .formatted((TOP + HEIGHT - BOTTOM) / 2, Html.text(y)));
    return svg.toString();
  }

  private static String text(double x, double y, String anchor, String text) {
    String shown = text.length() > 22 ? text.substring(0, 21) + "…" : text;
    return "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>"
        .formatted(number(x), number(y), anchor, Html.text(shown));
  }

  private static String legend(List<String> names) {
    if (names.size() < 2) {
      return "";
    }
    List<String> items = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      items.add(
          "<span class=\"key k%d\">%s</span>".formatted(i % COLOURS, Html.text(names.get(i))));
    }
    return String.join(" ", items);
  }

  private static String figure(String title, String svg, String legend) {
    return "<figure><figcaption>%s %s</figcaption>%s</figure>\n"
        .formatted(Html.text(title), legend, svg);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  public static String fixed(double value) {
    return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%.4f", value);
  }

  /** What an axis shows. */
  private record Scale(double from, double to) {
    static Scale around(double[] values) {
      double least = Arrays.stream(values).min().orElse(0);
      double greatest = Arrays.stream(values).max().orElse(1);
      double room = greatest > least ? (greatest - least) * 0.05 : 0.5;
      return new Scale(least - room, greatest + room);
    }

    double place(double value, double start, double end) {
      return start + (value - from) / (to - from) * (end - start);
    }

    /** Two to six round numbers. */
    double[] ticks() {
      double rough = (to - from) / 4;
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double lead = rough / power;
      double step = (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10) * power;
      long first = (long) Math.ceil(from / step - 1e-9);
      long last = (long) Math.floor(to / step + 1e-9);
      return IntStream.rangeClosed(0, (int) (last - first))
          .mapToDouble(i -> (first + i) * step)
          .toArray();
    }

    static String label(double tick) {
      return String.format(Locale.ROOT, "%.4g", tick)
          .replaceFirst("(\\.\\d*?)0+(e|$)", "$1$2")
          .replaceFirst("\\.(e|$)", "$1");
    }
  }
}
