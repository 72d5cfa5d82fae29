package retune.control.dashboard;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import retune.control.dashboard.Reading.Drift;
import retune.control.dashboard.Reading.Drift.Feature;

/**
 * Drift by column and day as a table whose cells are coloured: the PSI as a number, a mark where
 * the column has drifted, and the darker the further it is beyond its limit.
 */
final class DriftStrip {
  /** Columns that are shown, those with most drift first. */
  private static final int MOST = 25;

  private DriftStrip() {}

  /**
   * The table.
   *
   * @param days with a report, the oldest first
   */
  static Markup of(List<Drift> days) {
    Set<String> names = new LinkedHashSet<>();
    days.reversed().forEach(day -> names.addAll(day.byFeature().keySet()));
    List<String> worst =
        names.stream()
            .sorted(Comparator.comparingDouble((String name) -> -worst(days, name)))
            .toList();
    List<String> shown = worst.subList(0, Math.min(MOST, worst.size()));
    Drift last = days.getLast();
    String caption =
        "PSI of each column by day, in hundredths. A dot marks drift beyond chance; the darker, the"
            + " further.";
    List<Markup> rows = new ArrayList<>();
    for (String name : shown) {
      rows.add(
          Markup.of(
              "<tr><th scope=\"row\">{}</th>{}</tr>\n",
              name,
              days.stream().map(day -> cell(day, name)).collect(Markup.joining())));
    }
    return Markup.join(
        Markup.of(
            "<p>{}: {} {}</p>\n",
            Markup.link(Paths.drift(last.id()), last.date()),
            last.findings().isEmpty()
                ? "no drift in %d columns.".formatted(last.features())
                : String.join(" ", last.findings()),
            Objects.requireNonNullElse(last.shift(), "")),
        Markup.of(
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Drift by column and"
                + " day\"><table class=\"strip\"><caption>{}</caption><thead><tr><th"
                + " scope=\"col\">column</th>{}</tr></thead><tbody>{}</tbody></table></div>\n",
            caption,
            days.stream().map(DriftStrip::head).collect(Markup.joining()),
            rows.stream().collect(Markup.joining())),
        worst.size() > MOST
            ? Markup.of(
                "<p>{} more columns differ less; the reports have them.</p>\n", worst.size() - MOST)
            : Markup.NONE);
  }

  private static Markup head(Drift day) {
    LocalDate date = day.date();
    return Markup.of(
        "<th scope=\"col\"><a href=\"{}\" aria-label=\"{}, {}\">{}</a></th>",
        Paths.drift(day.id()),
        date,
        day.detected() ? "drift" : "no drift",
        String.format(Locale.ROOT, "%02d-%02d", date.getMonthValue(), date.getDayOfMonth()));
  }

  private static double worst(List<Drift> days, String name) {
    return days.stream()
        .map(day -> day.byFeature().get(name))
        .filter(feature -> feature != null)
        .mapToDouble(DriftStrip::excess)
        .max()
        .orElse(0);
  }

  /** How far beyond its limit; a column that drifted counts before one that did not. */
  private static double excess(Feature feature) {
    double ratio = feature.limit() > 0 ? feature.psi() / feature.limit() : 0;
    return feature.detected() ? 1 + ratio : Math.min(1, ratio);
  }

  private static Markup cell(Drift day, String name) {
    Feature feature = day.byFeature().get(name);
    if (feature == null) {
      return Markup.of("<td>–</td>");
    }
    int shade = Math.clamp(Math.round(Math.log(excess(feature)) / Math.log(4)) + 1, 1, 4);
    return Markup.of(
        "<td class=\"d{}\">{}{}</td>",
        feature.detected() ? shade : 0,
        feature.detected() ? Markup.of("<span class=\"dot\">drift</span>") : Markup.NONE,
        String.format(Locale.ROOT, "%.0f", 100 * feature.psi()));
  }
}
