package retune.loop.authoring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.QualityReport;
import retune.core.distribution.QualityReport.PairTrend;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.ColumnType;
import retune.learning.training.Training.Trained;
import retune.learning.training.TrainingTable;
import retune.model.ModelFolder;
import retune.model.ModelVersion.Epoch;
import retune.report.Chart;
import retune.report.Curves;
import retune.report.Html;
import retune.steps.authoring.LearnedTable;

/** What a person wants to see of a new loop, on one page. */
record LoopReport(
    String name,
    String source,
    ColumnKinds kinds,
    TrainingTable training,
    LearnedTable learned,
    ModelFolder.Content encoder,
    Trained trained,
    Measured measured,
    GateProposal gate) {
  private static final int MOST_COLUMNS_SHOWN = 60;
  private static final int MOST_CLASSES_SHOWN = 8;
  private static final int NUMBER_BINS = 20;
  private static final int MOST_CATEGORIES_SHOWN = 20;

  String toHtml() {
    return Html.page(
        "A loop for " + name,
        introduction() + gateSection() + columns() + quality() + learning() + answers());
  }

  private Target target() {
    return training.target();
  }

  private String introduction() {
    String positive =
        target().isBinary()
            ? "; the score is the probability of '" + target().positive() + "'"
            : "";
    return Html.paragraph(
            "Made from %s. The model predicts '%s' (%d classes%s). Champion: %s, trained from the encoder %s."
                .formatted(
                    source,
                    target().column(),
                    target().classes().size(),
                    positive,
                    trained.content().version().modelId(),
                    encoder.version().modelId()))
        + (training.rejected().isEmpty()
            ? ""
            : Html.paragraph("Rows left out, by why: %s.".formatted(training.rejected())));
  }

  private String gateSection() {
    String sentence =
        "%s must be at least %.2f. "
                .formatted(gate.gate().metric().title(), gate.gate().threshold())
            + gate.reason();
    String shown = Html.paragraph(sentence);
    Evaluation validation = Evaluation.of(measured.validation());
    Evaluation holdout = Evaluation.of(measured.holdout());
    Evaluation generated = Evaluation.of(measured.generated());
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("rows", count(validation), count(holdout), count(generated)));
    for (Metric metric : Metric.values()) {
      rows.add(
          List.of(
              metric.title(),
              Chart.fixed(validation.value(metric)),
              Chart.fixed(holdout.value(metric)),
              Chart.fixed(generated.value(metric))));
    }
    rows.add(
        List.of(
            "Log loss",
            Chart.fixed(validation.logLoss()),
            Chart.fixed(holdout.logLoss()),
            Chart.fixed(generated.logLoss())));
    return Html.heading("The gate")
        + (gate.tellsFromGuessing() ? shown : shown.replaceFirst("<p>", "<p class=\"warn\">"))
        + Html.table(List.of("metric", "validation", "hold-out", "generated"), rows);
  }

  private static String count(Evaluation evaluation) {
    return Integer.toString(evaluation.rows());
  }

  private String columns() {
    List<List<String>> rows = new ArrayList<>();
    kinds
        .kinds()
        .forEach(
            (column, kind) ->
                rows.add(
                    List.of(
                        column,
                        ColumnKinds.id(kind.type()),
                        kind.reason(),
                        String.format(Locale.ROOT, "%.1f %%", 100 * kind.missing()))));
    return Html.heading("Columns")
        + Html.paragraph(
            "What each column was taken as. Other kinds go into columns.yaml, which --columns"
                + " reads.")
        + Html.table(List.of("column", "kind", "why", "missing"), rows);
  }

  private String quality() {
    QualityReport report = learned.quality();
    Map<String, Double> shapes = new HashMap<>();
    report.columns().forEach(shape -> shapes.put(shape.column(), shape.score()));
    List<String> charts =
        learned.real().columns().stream()
            .limit(MOST_COLUMNS_SHOWN)
            .map(
                column ->
                    histogram(
                        column,
                        learned.generated().column(column.name()),
                        shapes.getOrDefault(column.name(), Double.NaN)))
            .toList();
    return Html.heading("Generated rows against real ones")
        + Html.paragraph(
            "Quality %s of 1: columns alone %s, pairs of columns %s (as SDMetrics defines them), measured on %d rows of each."
                .formatted(
                    Chart.fixed(report.overall()),
                    Chart.fixed(report.columnShapes()),
                    Chart.fixed(report.pairTrends()),
                    learned.real().rows()))
        + "<p><span class=\"key k0\">real</span> <span class=\"key k1\">generated</span></p>\n"
        + Html.charts(charts)
        + leftOut(learned.real(), charts.size())
        + pairs(report);
  }

  private static String leftOut(Table table, int shown) {
    int left = table.columns().size() - shown;
    return left == 0 ? "" : Html.paragraph(left + " further columns are not drawn.");
  }

  private String pairs(QualityReport report) {
    List<String> names = learned.real().names().stream().limit(MOST_COLUMNS_SHOWN).toList();
    double[][] scores = new double[names.size()][names.size()];
    for (double[] row : scores) {
      Arrays.fill(row, Double.NaN);
    }
    for (PairTrend pair : report.pairs()) {
      int first = names.indexOf(pair.first());
      int second = names.indexOf(pair.second());
      if (first >= 0 && second >= 0) {
        scores[Math.max(first, second)][Math.min(first, second)] = pair.score();
      }
    }
    return Chart.matrix(
        "How alike each pair of columns hangs together: the redder, the less (point at a square for"
            + " its score)",
        names,
        scores);
  }

  private String histogram(Column real, Column generated, double score) {
    String title = "%s · %s".formatted(real.name(), Chart.fixed(score));
    boolean isNumeric =
        real instanceof Column.Numbers && kinds.names(ColumnType.NUMERIC).contains(real.name());
    return isNumeric
        ? numbers(title, (Column.Numbers) real, (Column.Numbers) generated)
        : categories(title, real, generated);
  }

  /** From the first to the last percentile of the real values; what lies beyond is at the ends. */
  private static String numbers(String title, Column.Numbers real, Column.Numbers generated) {
    double[] sorted = Arrays.stream(real.values()).filter(Double::isFinite).sorted().toArray();
    double low = sorted[sorted.length / 100];
    double high = sorted[sorted.length - 1 - sorted.length / 100];
    return Chart.bars(
        title,
        shares(real.values(), low, high),
        shares(generated.values(), low, high),
        List.of(rounded(low), rounded(high)));
  }

  private static double[] shares(double[] values, double low, double high) {
    double[] shares = new double[NUMBER_BINS];
    double[] present = Arrays.stream(values).filter(Double::isFinite).toArray();
    for (double value : present) {
      double place = high > low ? (value - low) / (high - low) * NUMBER_BINS : 0;
      shares[(int) Math.clamp(Math.floor(place), 0, NUMBER_BINS - 1)] += 1.0 / present.length;
    }
    return shares;
  }

  private static String rounded(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  /** The most frequent categories of the real table, most frequent first. */
  private static String categories(String title, Column real, Column generated) {
    Map<String, Double> ofReal = shares(real);
    Map<String, Double> ofGenerated = shares(generated);
    List<String> shown =
        ofReal.keySet().stream()
            .sorted(
                Comparator.<String>comparingDouble(category -> -ofReal.getOrDefault(category, 0.0))
                    .thenComparing(Comparator.naturalOrder()))
            .limit(MOST_CATEGORIES_SHOWN)
            .toList();
    return Chart.bars(
        title,
        shown.stream().mapToDouble(category -> ofReal.getOrDefault(category, 0.0)).toArray(),
        shown.stream().mapToDouble(category -> ofGenerated.getOrDefault(category, 0.0)).toArray(),
        List.of(shown.getFirst(), shown.getLast()));
  }

  private static Map<String, Double> shares(Column column) {
    Map<String, Double> shares = new HashMap<>();
    for (int row = 0; row < column.rows(); row++) {
      String text = column.text(row);
      shares.merge(text == null ? "(missing)" : text, 1.0 / column.rows(), Double::sum);
    }
    return shares;
  }

  private String learning() {
    List<Epoch> pretraining = encoder.version().lineage().history();
    List<Epoch> history = trained.content().version().lineage().history();
    return Html.heading("Learning")
        + Html.paragraph(
            "Epoch %d of training was kept, the best by %s on the validation rows."
                .formatted(trained.bestEpoch(), Metric.F1_MACRO.title()))
        + Html.charts(
            List.of(
                Chart.lines(
                    "Pre-training", "epoch", "loss", false, List.of(losses("loss", pretraining))),
                Chart.lines("Training", "epoch", "loss", false, List.of(losses("loss", history))),
                Chart.lines(
                    "Validation",
                    "epoch",
                    "value",
                    false,
                    List.of(
                        values(Metric.F1_MACRO, history),
                        values(Metric.ACCURACY, history),
                        values(Metric.ROC_AUC, history)))));
  }

  private static Chart.Line losses(String name, List<Epoch> history) {
    return Chart.Line.ofEpochs(name, history.stream().mapToDouble(Epoch::loss).toArray());
  }

  private static Chart.Line values(Metric metric, List<Epoch> history) {
    return Chart.Line.ofEpochs(
        metric.title(),
        history.stream()
            .mapToDouble(epoch -> epoch.validation().getOrDefault(metric.id(), Double.NaN))
            .toArray());
  }

  private String answers() {
    Predictions holdout = measured.holdout();
    Evaluation evaluation = Evaluation.of(holdout);
    int[] labels =
        target().isBinary()
            ? new int[] {target().positiveIndex()}
            : IntStream.range(0, Math.min(MOST_CLASSES_SHOWN, target().classes().size())).toArray();
    String threshold =
        target().isBinary()
            ? String.format(
                Locale.ROOT, " The positive class is answered from %.4f on.", holdout.threshold())
            : "";
    return Html.heading("Answers on the hold-out")
        + Html.paragraph(
            "Rows that chose nothing: %d.%s".formatted(holdout.rows(), threshold)
                + (labels.length < target().classes().size() && !target().isBinary()
                    ? " Curves of the first " + labels.length + " classes."
                    : ""))
        + Html.charts(
            List.of(
                Chart.lines(
                    "ROC, area " + Chart.fixed(evaluation.rocAuc()),
                    "false positive rate",
                    "true positive rate",
                    true,
                    IntStream.of(labels)
                        .mapToObj(label -> Curves.roc(className(label), holdout, label))
                        .toList()),
                Chart.lines(
                    "Precision and recall",
                    "recall",
                    "precision",
                    true,
                    IntStream.of(labels)
                        .mapToObj(label -> Curves.precisionRecall(className(label), holdout, label))
                        .toList()),
                Chart.lines(
                    "Calibration: Brier %s, expected error %s"
                        .formatted(
                            Chart.fixed(evaluation.brierScore()),
                            Chart.fixed(evaluation.calibrationError())),
                    "stated probability",
                    "observed share",
                    true,
                    IntStream.of(labels)
                        .mapToObj(label -> Curves.calibration(className(label), holdout, label))
                        .toList())))
        + confusion(evaluation);
  }

  private String className(int label) {
    return target().classes().get(label);
  }

  private String confusion(Evaluation evaluation) {
    List<String> header = new ArrayList<>(List.of("true \\ answered"));
    header.addAll(target().classes());
    List<List<String>> rows = new ArrayList<>();
    for (int label = 0; label < target().classes().size(); label++) {
      List<String> cells = new ArrayList<>(List.of(className(label)));
      for (long count : evaluation.confusion().counts()[label]) {
        cells.add(Long.toString(count));
      }
      rows.add(cells);
    }
    return Html.paragraph("Rows by true and answered class:") + Html.table(header, rows);
  }
}
