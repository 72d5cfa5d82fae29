package retune.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.drift.DriftReport;
import retune.core.drift.DriftReport.Column;
import retune.core.drift.DriftReport.Histogram;
import retune.core.drift.DriftReport.Measure;
import retune.core.drift.DriftReport.Share;

/** A comparison of a batch with the reference as a page for people: what has drifted first. */
public final class DriftPage {
  private static final int MOST_FINDINGS = 10;
  private static final int MOST_CHARTS = 12;
  private static final int QUIET_CHARTS = 6;
  private static final String REFERENCE = "reference";
  private static final String BATCH = "batch";

  private final DriftReport report;
  private final Map<String, Day> days;

  /**
   * An earlier day.
   *
   * @param isDrifted whether anything was beyond its limit
   * @param psi by feature
   */
  public record Day(boolean isDrifted, Map<String, Double> psi) {}

  /**
   * What the page tells beside the report.
   *
   * @param volume rows of the batch and of earlier days, by name
   */
  public record Facts(
      String modelId, String batchId, String timestamp, Map<String, Object> volume) {}

  private DriftPage(DriftReport report, Map<String, Day> days) {
    this.report = report;
    this.days = days;
  }

  /**
   * The page.
   *
   * @param shift what kind of change it looks like, as sentences
   * @param days before the batch, by date
   */
  public static String of(
      DriftReport report,
      Facts facts,
      List<String> findings,
      String shift,
      List<String> notCompared,
      Map<String, Day> days) {
    DriftPage page = new DriftPage(report, days);
    return Html.page(
        "Drift: %s, %s".formatted(facts.batchId(), report.isDrifted() ? "detected" : "none"),
        page.answer(findings)
            + Html.heading("What kind of change")
            + Html.paragraph(shift)
            + page.facts(facts)
            + page.charts()
            + page.features()
            + page.rows()
            + notCompared(notCompared)
            + page.method());
  }

  private String answer(List<String> findings) {
    if (findings.isEmpty()) {
      return Html.paragraph(
          "Nothing is beyond its limit: the batch is like the reference, as far as %,d rows tell."
              .formatted(report.currentRows()));
    }
    StringBuilder answer = new StringBuilder();
    findings.stream().limit(MOST_FINDINGS).forEach(finding -> answer.append(Html.warning(finding)));
    int more = findings.size() - MOST_FINDINGS;
    return answer + (more > 0 ? Html.paragraph("And %d more, see below.".formatted(more)) : "");
  }

  private String facts(Facts facts) {
    List<List<String>> rows =
        new ArrayList<>(
            List.of(
                List.of("model in production", facts.modelId()),
                List.of("rows compared", "%,d".formatted(report.currentRows())),
                List.of("reference rows", "%,d".formatted(report.referenceRows())),
                List.of(
                    "features with drift",
                    "%d of %d".formatted(report.driftedFeatures(), report.features().size())),
                List.of("false alarms", rate() + " of batches without drift"),
                List.of("compared at", facts.timestamp())));
    Object median = facts.volume().get("median_of_earlier_days");
    if (median != null) {
      rows.add(
          List.of(
              "rows received",
              "%s; median of earlier days (%s): %s"
                  .formatted(
                      count(facts.volume().get("rows")),
                      count(facts.volume().get("earlier_days")),
                      count(median))));
    }
    return Html.table(List.of("", ""), rows);
  }

  /** Both distributions of what has drifted; without drift, of what differs most. */
  private String charts() {
    List<Column> drifted =
        Stream.of(
                report.predictions().stream().filter(Column::isDrifted),
                Stream.ofNullable(report.labels()).filter(Column::isDrifted),
                report.worstFirst().stream().filter(report::isDrifted))
            .flatMap(columns -> columns)
            .limit(MOST_CHARTS)
            .toList();
    List<Column> shown =
        drifted.isEmpty() ? report.worstFirst().stream().limit(QUIET_CHARTS).toList() : drifted;
    String heading = drifted.isEmpty() ? "Columns that differ most" : "Columns with drift";
    return Html.heading(heading)
        + Chart.legend(REFERENCE, BATCH)
        + Html.charts(shown.stream().map(DriftPage::distribution).toList())
        + trend(shown);
  }

  private static String distribution(Column column) {
    Histogram histogram = column.histogram();
    return Chart.bars(
        "%s (PSI %s)".formatted(column.name(), Chart.fixed(column.psi().value())),
        histogram.labels(),
        REFERENCE,
        histogram.reference(),
        BATCH,
        histogram.current());
  }

  /** The PSI over the last days, with today's limit. */
  private String trend(List<Column> shown) {
    if (days.size() < 2) {
      return "";
    }
    List<Day> before = List.copyOf(days.values());
    List<String> charts = new ArrayList<>();
    for (Column column : shown) {
      if (!report.features().contains(column)) {
        continue;
      }
      double[] x = IntStream.rangeClosed(-before.size(), 0).asDoubleStream().toArray();
      double[] y = new double[x.length];
      for (int day = 0; day < before.size(); day++) {
        y[day] = before.get(day).psi().getOrDefault(column.name(), Double.NaN);
      }
      y[before.size()] = column.psi().value();
      double limit = column.psi().limit();
      charts.add(
          Chart.lines(
              column.name(),
              Axis.whole("days compared before this one"),
              Axis.values("PSI"),
              List.of(
                  new Line("PSI", x, y),
                  new Line(
                      "limit of this day",
                      new double[] {x[0], 0},
                      new double[] {limit, limit},
                      true))));
    }
    long drifted = before.stream().filter(Day::isDrifted).count();
    return Html.heading("The last days")
        + Html.paragraph(
            "%d of the last %d days that were compared had drift, from %s on."
                .formatted(drifted, before.size(), days.keySet().iterator().next()))
        + Html.charts(charts);
  }

  private String features() {
    List<List<String>> rows =
        Stream.of(
                report.predictions().stream(),
                Stream.ofNullable(report.labels()),
                report.worstFirst().stream())
            .flatMap(columns -> columns)
            .map(this::row)
            .toList();
    return Html.heading("All columns")
        + Html.table(
            List.of(
                "column",
                "drift",
                "of",
                REFERENCE,
                BATCH,
                "95 % interval",
                "PSI",
                "limit",
                "published band",
                "KS",
                "KS p-value",
                "JS",
                "Wasserstein",
                "adjusted p-value"),
            rows)
        + Html.paragraph(
            "The interval is that of the difference, of shares in percentage points. The adjusted"
                + " p-value counts all columns and statistics: how often a batch without drift has"
                + " anything as far out.");
  }

  private List<String> row(Column column) {
    DriftReport.Effect effect = column.effect();
    boolean isMean = column.kolmogorovSmirnov() != null;
    return List.of(
        column.name(),
        report.isDrifted(column) ? "yes" : "no",
        effect.what(),
        isMean ? Axis.label(effect.reference()) : Chart.percent(effect.reference()),
        isMean ? Axis.label(effect.current()) : Chart.percent(effect.current()),
        isMean
            ? "%s to %s"
                .formatted(
                    Axis.label(effect.interval().low()), Axis.label(effect.interval().high()))
            : "%s to %s"
                .formatted(points(effect.interval().low()), points(effect.interval().high())),
        Chart.fixed(column.psi().value()),
        Chart.fixed(column.psi().limit()),
        DriftReport.band(column.psi().value()),
        fixed(column.kolmogorovSmirnov()),
        isMean ? p(column.kolmogorovPValue()) : "–",
        Chart.fixed(column.jensenShannon().value()),
        fixed(column.wasserstein()),
        Chart.fixed(column.adjustedPValue()));
  }

  private String rows() {
    List<List<String>> rows = new ArrayList<>();
    for (Share share : report.shares()) {
      rows.add(
          List.of(
              share.column().isEmpty() ? "rows" : share.column(),
              share.property().words(),
              yes(share.measure()),
              Chart.percent(share.reference()),
              Chart.percent(share.current()),
              "%s to %s"
                  .formatted(points(share.difference().low()), points(share.difference().high()))));
    }
    rows.add(
        List.of(
            "rows",
            "repeat an earlier row",
            yes(report.repeated().measure()),
            "%,d".formatted(report.repeated().reference()),
            "%,d".formatted(report.repeated().current()),
            "–"));
    return Html.heading("Rows")
        + Html.table(
            List.of("column", "what", "drift", REFERENCE, BATCH, "95 % interval of the difference"),
            rows)
        + Html.paragraph(
            "All columns together: squared maximum mean discrepancy %s, limit %s."
                .formatted(Axis.label(report.joint().value()), Axis.label(report.joint().limit())));
  }

  private static String notCompared(List<String> sentences) {
    StringBuilder text = new StringBuilder();
    sentences.forEach(sentence -> text.append(Html.paragraph(sentence)));
    return sentences.isEmpty() ? "" : Html.heading("Not compared") + text;
  }

  private String method() {
    return Html.heading("Method")
        + Html.paragraph(
            "The limits come from %d random divisions of all rows into a reference and a batch of these sizes. The greatest statistic of a batch without drift is beyond its limit in %s of cases, all columns and statistics together. The published bands of the PSI (stable below 0.1, large from 0.25) take no account of the number of rows."
                .formatted(report.resamples(), rate()));
  }

  private String rate() {
    return Chart.percent(report.rate());
  }

  private static String count(@Nullable Object number) {
    return number instanceof Number rows
        ? "%,d".formatted(rows.longValue())
        : String.valueOf(number);
  }

  private static String yes(Measure measure) {
    return measure.isDrifted() ? "yes" : "no";
  }

  private static String fixed(@Nullable Measure measure) {
    return measure == null ? "–" : Chart.fixed(measure.value());
  }

  private static String p(double value) {
    return value < 1e-4 ? "p < 0.0001" : "p = " + Chart.fixed(value);
  }

  /** A difference of shares in percentage points. */
  private static String points(double difference) {
    return String.format(Locale.ROOT, "%+.2f", 100 * difference).replace('-', '−');
  }
}
