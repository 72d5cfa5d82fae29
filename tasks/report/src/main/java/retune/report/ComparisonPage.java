package retune.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.data.Target;
import retune.core.judgement.Check;
import retune.core.judgement.ComparisonReport;
import retune.core.judgement.Difference;
import retune.core.judgement.Slice;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Predictions;
import retune.core.statistics.Bootstrap;
import retune.core.statistics.Interval;
import retune.core.statistics.NormalApproximation;

/** A comparison of two models as a page for people, to attach to a change request. */
public final class ComparisonPage {
  private static final String BASELINE = "baseline";
  private static final String NEW = "new model";
  private static final int MOST_CLASSES = 8;
  private static final int CURVES_OF_CLASSES = 3;
  private static final int MOST_SLICES = 15;
  private static final int BINS = 40;

  private final ComparisonReport report;
  private final Target target;

  private ComparisonPage(ComparisonReport report, Target target) {
    this.report = report;
    this.target = target;
  }

  /**
   * The page.
   *
   * @param slices worst first
   * @param facts what else is to be told, such as the models' ids
   */
  public static String of(
      ComparisonReport report, List<Slice> slices, Target target, Map<String, String> facts) {
    ComparisonPage page = new ComparisonPage(report, target);
    return Html.page(
        "Model comparison: " + report.decision().id(),
        page.decision()
            + Html.table(
                List.of("", ""),
                facts.entrySet().stream()
                    .map(fact -> List.of(fact.getKey(), fact.getValue()))
                    .toList())
            + page.checks()
            + page.metrics()
            + page.curves()
            + page.answers()
            + page.slices(slices));
  }

  private String decision() {
    String sentence = report.reason();
    return report.shouldPromote() ? Html.paragraph(sentence) : Html.warning(sentence);
  }

  private String checks() {
    return checks(report.checks());
  }

  /** A verdict's checks as a table. */
  static String checks(List<Check> checks) {
    return Html.heading("Checks")
        + Html.table(
            List.of("check", "answer", "finding"),
            checks.stream()
                .map(
                    check ->
                        List.of(
                            check.name().replace('_', ' '),
                            check.answer().id() + (check.decisive() ? "" : " (not decisive)"),
                            finding(check)))
                .toList());
  }

  /** The check's clause as a sentence. */
  private static String finding(Check check) {
    String more =
        check.moreRows() > 0
            ? "; about %,d more rows would decide".formatted(check.moreRows())
            : "";
    String clause = check.sentence() + more;
    return clause.substring(0, 1).toUpperCase(Locale.ROOT) + clause.substring(1) + ".";
  }

  private String metrics() {
    double confidence = 1 - report.question().alpha();
    List<List<String>> rows = new ArrayList<>();
    for (Difference difference : report.differences()) {
      Interval interval = difference.distribution().interval(confidence);
      Double percent = difference.percent();
      rows.add(
          List.of(
              difference.name(),
              Chart.fixed(difference.baseline()),
              Chart.fixed(difference.candidate()),
              signed("%+.4f", difference.improvement()),
              percent == null ? "–" : signed("%+.2f %%", percent),
              signed("%+.4f", interval.low()) + " to " + signed("%+.4f", interval.high()),
              ComparisonReport.words(difference.pValue())));
    }
    return Html.heading("Metrics")
        + Html.table(
            List.of(
                "metric",
                BASELINE,
                NEW,
                "improvement",
                "in percent",
                ComparisonReport.percent(confidence) + " interval",
                "p-value"),
            rows)
        + Html.paragraph(
            "An improvement is above 0 where the new model is better: of the log loss it is the fall. Intervals and p-values are those of the paired bootstrap (BCa, %,d resamples, seed %d)."
                    .formatted(
                        report.question().bootstrap().resamples(),
                        report.question().bootstrap().seed())
                + approximations()
                + areaTest())
        + Html.charts(List.of(distribution()));
  }

  private String approximations() {
    String names =
        report.differences().stream()
            .filter(difference -> difference.distribution() instanceof NormalApproximation)
            .map(Difference::name)
            .collect(Collectors.joining(" and "));
    return names.isEmpty() ? "" : " Those of %s are normal approximations.".formatted(names);
  }

  private String areaTest() {
    return report
        .areaTest()
        .map(
            test ->
                " DeLong's test of the difference of the AUCs: %s."
                    .formatted(ComparisonReport.words(test.pValue())))
        .orElse("");
  }

  private static String signed(String format, double value) {
    return String.format(Locale.ROOT, format, value).replace('-', '−');
  }

  private String distribution() {
    // The primary metric is always resampled.
    Bootstrap bootstrap = (Bootstrap) report.primary().distribution();
    double[] sorted = bootstrap.sorted();
    double low = sorted[0];
    double width = (sorted[sorted.length - 1] - low) / BINS;
    double[] x = new double[2 * BINS + 2];
    double[] y = new double[2 * BINS + 2];
    double[] counts = new double[BINS];
    for (double value : sorted) {
      counts[width > 0 ? Math.min(BINS - 1, (int) ((value - low) / width)) : 0]++;
    }
    x[0] = low;
    for (int bin = 0; bin < BINS; bin++) {
      x[2 * bin + 1] = low + bin * width;
      x[2 * bin + 2] = low + (bin + 1) * width;
      y[2 * bin + 1] = y[2 * bin + 2] = counts[bin];
    }
    x[2 * BINS + 1] = low + BINS * width;
    double most = IntStream.range(0, BINS).mapToDouble(bin -> counts[bin]).max().orElseThrow();
    Interval interval = bootstrap.interval(1 - report.question().alpha());
    return Chart.lines(
        "Improvement of %s in %,d resamples".formatted(report.primary().name(), sorted.length),
        Axis.values("improvement"),
        Axis.values("resamples"),
        List.of(
            new Line("resamples", x, y),
            Line.upright("interval", interval.low(), most),
            Line.upright("", interval.high(), most),
            new Line("no difference", new double[] {0, 0}, new double[] {0, most})));
  }

  private String curves() {
    List<Integer> labels =
        target.isBinary()
            ? List.of(target.positiveIndex())
            : IntStream.range(0, target.classes().size())
                .boxed()
                .sorted(
                    Comparator.comparingLong(
                        label -> -report.baseline().confusion().trueRows(label)))
                .limit(CURVES_OF_CLASSES)
                .toList();
    List<String> charts = new ArrayList<>();
    for (int label : labels) {
      String of = target.isBinary() ? "" : " of '" + target.classes().get(label) + "'";
      double share =
          (double) report.baseline().confusion().trueRows(label) / report.baseline().rows();
      charts.add(
          Chart.lines(
              "ROC curve" + of,
              Axis.unit("false positive rate"),
              Axis.unit("true positive rate"),
              both((name, rows) -> Curves.roc(name, rows, label), Line.diagonal("chance"))));
      charts.add(
          Chart.lines(
              "Precision and recall" + of,
              Axis.unit("recall"),
              Axis.unit("precision"),
              both(
                  (name, rows) -> Curves.precisionRecall(name, rows, label),
                  Line.level("chance", share))));
      charts.add(
          Chart.lines(
              "Calibration" + of,
              Axis.unit("predicted probability"),
              Axis.unit("observed share"),
              both(
                  (name, rows) -> Curves.calibration(name, rows, label),
                  Line.diagonal("calibrated"))));
    }
    String which =
        target.isBinary()
            ? "Curves of the probability of '%s'.".formatted(target.positive())
            : "Curves of the %d most frequent classes, each against the rest."
                .formatted(labels.size());
    return Html.heading("Curves") + Html.paragraph(which) + Html.charts(charts);
  }

  private List<Line> both(BiFunction<String, Predictions, Line> curve, Line reference) {
    return List.of(
        curve.apply(BASELINE, report.baseline()), curve.apply(NEW, report.candidate()), reference);
  }

  private String answers() {
    String flips =
        "The new model gets %,d rows right that the baseline gets wrong, and %,d rows wrong that the baseline gets right (McNemar's test: %s)."
            .formatted(
                report.answers().gained(),
                report.answers().lost(),
                ComparisonReport.words(report.answers().pValue()));
    ConfusionMatrix before = report.baseline().confusion();
    ConfusionMatrix after = report.candidate().confusion();
    String tables =
        before.classes() <= MOST_CLASSES
            ? Html.paragraph("Rows by true class and answer of the baseline:")
                + confusion(before)
                + Html.paragraph("The same of the new model:")
                + confusion(after)
            : Html.paragraph("The classes whose F1 falls most:") + worstClasses(before, after);
    return Html.heading("Answers") + Html.paragraph(flips) + tables;
  }

  private String confusion(ConfusionMatrix matrix) {
    List<List<String>> rows = new ArrayList<>();
    for (int label = 0; label < matrix.classes(); label++) {
      List<String> cells = new ArrayList<>(List.of("true " + target.classes().get(label)));
      for (long count : matrix.counts()[label]) {
        cells.add(Long.toString(count));
      }
      cells.add(Chart.percent(matrix.recall(label)));
      rows.add(cells);
    }
    return Html.table(
        Stream.of(
                Stream.of(""),
                target.classes().stream().map(name -> "answered " + name),
                Stream.of("right"))
            .flatMap(names -> names)
            .toList(),
        rows);
  }

  private String worstClasses(ConfusionMatrix before, ConfusionMatrix after) {
    return Html.table(
        List.of("class", "rows", "F1 of the baseline", "F1 of the new model"),
        IntStream.range(0, before.classes())
            .boxed()
            .sorted(Comparator.comparingDouble(label -> after.f1(label) - before.f1(label)))
            .limit(MOST_CLASSES)
            .map(
                label ->
                    List.of(
                        target.classes().get(label),
                        Long.toString(before.trueRows(label)),
                        Chart.fixed(before.f1(label)),
                        Chart.fixed(after.f1(label))))
            .toList());
  }

  private String slices(List<Slice> slices) {
    if (slices.isEmpty()) {
      return "";
    }
    String metric = report.primary().name();
    List<List<String>> rows =
        slices.stream()
            .limit(MOST_SLICES)
            .map(
                slice ->
                    List.of(
                        slice.column(),
                        slice.values(),
                        Integer.toString(slice.rows()),
                        Chart.fixed(slice.baseline()),
                        Chart.fixed(slice.candidate()),
                        signed("%+.4f", slice.improvement()),
                        signed("%+.4f", slice.interval().low())
                            + " to "
                            + signed("%+.4f", slice.interval().high())))
            .toList();
    return Html.heading("Slices")
        + Html.paragraph(
            "%s on rows that share a value of a column or a quarter of its numbers, those first that lose most: %d of %d slices of at least %d rows. Of so many slices, about %s in a hundred have an interval that misses the truth by chance."
                .formatted(
                    metric,
                    rows.size(),
                    slices.size(),
                    Slice.LEAST_ROWS,
                    Axis.label(100 * report.question().alpha())))
        + Html.table(
            List.of(
                "column",
                "values",
                "rows",
                BASELINE,
                NEW,
                "improvement",
                ComparisonReport.percent(1 - report.question().alpha()) + " interval"),
            rows);
  }
}
