package retune.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.report.Axis;
import retune.report.Chart;
import retune.report.Line;
import retune.runtime.Json;
import tools.jackson.databind.JsonNode;

/** Draws what policies had in production over a year, as an SVG that stands alone. */
public final class YearPicture {
  private static final List<String> COLOURS = List.of("#2563c9", "#d9660a", "#1d8a55", "#a2309f");
  private static final int WIDTH = 320;
  private static final int HEIGHT = 200;
  private static final int LEGEND = 14;
  private static final int SCALE = 3;

  /** A policy, with the true macro F1 of each day. */
  private record Series(String name, double[] daily) {}

  private YearPicture() {}

  /**
   * Draws a year that {@link YearWorker} has simulated; the day's best of all policies, and of
   * models trained on the day's population, is dashed.
   *
   * @param words a file of a year in JSON; the file to write; a title; the policies
   */
  public static void main(String[] words) throws IOException {
    JsonNode year = Json.MAPPER.readTree(Files.readString(Path.of(words[0])));
    List<String> wanted = List.of(words).subList(3, words.length);
    double[] best = numbers(year.required("reference"));
    List<Series> policies = new ArrayList<>();
    for (Map.Entry<String, JsonNode> policy : year.required("policies").properties()) {
      double[] daily = numbers(policy.getValue().required("f1"));
      Arrays.setAll(best, day -> Math.max(best[day], daily[day]));
      if (wanted.contains(policy.getKey())) {
        policies.add(new Series(policy.getKey(), daily));
      }
    }
    write(Path.of(words[1]), words[2], best, policies);
    System.out.println("{}");
  }

  private static double[] numbers(JsonNode values) {
    return IntStream.range(0, values.size())
        .mapToDouble(i -> values.get(i).doubleValue())
        .toArray();
  }

  /**
   * Writes the picture.
   *
   * @param best of each day, drawn dashed
   */
  private static void write(Path file, String title, double[] best, List<Series> policies)
      throws IOException {
    double[] days = IntStream.range(0, best.length).asDoubleStream().toArray();
    List<Line> lines =
        IntStream.rangeClosed(0, policies.size())
            .mapToObj(
                i ->
                    i == 0
                        ? new Line("best known", days, best, true)
                        : new Line(policies.get(i - 1).name, days, policies.get(i - 1).daily))
            .toList();
    String figure = Chart.lines(title, Axis.whole("day"), Axis.values("macro F1"), lines);
    String drawing =
        figure.substring(figure.indexOf('>', figure.indexOf("<svg")) + 1, figure.indexOf("</svg>"));
    Files.writeString(
        file,
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -%1$d %2$d %3$d" width="%4$d" height="%5$d" role="img" aria-label="%6$s" font-family="Helvetica, Arial, sans-serif" font-size="8">
        <rect y="-%1$d" width="%2$d" height="%3$d" fill="#ffffff"/>
        %7$s%8$s
        </svg>
        """
            .formatted(
                LEGEND,
                WIDTH,
                HEIGHT + LEGEND,
                SCALE * WIDTH,
                SCALE * (HEIGHT + LEGEND),
                title,
                legend(policies),
                coloured(drawing)));
  }

  /** The chart's style sheet as attributes, because the picture has no page around it. */
  private static String coloured(String drawing) {
    String coloured =
        drawing
            .replace("class=\"grid\"", "stroke=\"#d0d7de\" stroke-width=\"0.5\"")
            .replace(
                "class=\"line reference\"",
                "fill=\"none\" stroke=\"#57606a\" stroke-width=\"0.7\" stroke-dasharray=\"3 2\"")
            .replace("<text ", "<text fill=\"#57606a\" ");
    for (int i = 0; i < COLOURS.size(); i++) {
      coloured =
          coloured.replace(
              "class=\"line c%d\"".formatted(i),
              "fill=\"none\" stroke=\"%s\" stroke-width=\"1.2\"".formatted(COLOURS.get(i)));
    }
    return coloured;
  }

  private static String legend(List<Series> policies) {
    return "<text x=\"46\" y=\"-3\" fill=\"#57606a\">best known (dashed)</text>"
        + IntStream.range(0, policies.size())
            .mapToObj(
                i ->
                    "<text x=\"%d\" y=\"-3\" fill=\"%s\">%s</text>"
                        .formatted(140 + 50 * i, COLOURS.get(i), policies.get(i).name))
            .collect(Collectors.joining());
  }
}
