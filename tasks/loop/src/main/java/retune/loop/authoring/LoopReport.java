package retune.loop.authoring;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleFunction;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.QualityReport;
import retune.core.distribution.QualityReport.PairTrend;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.PermutationImportance;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.ColumnType;
import retune.core.preprocessing.DateText;
import retune.core.split.Part;
import retune.core.statistics.Influence;
import retune.core.statistics.Interval;
import retune.model.ModelVersion.Epoch;
import retune.report.Axis;
import retune.report.Chart;
import retune.report.Curves;
import retune.report.Html;
import retune.report.Line;
import retune.steps.authoring.LearnedTable;

/** The report of a new loop: a page that needs nothing else. */
record LoopReport(String name, SourceTable source, FirstModel model) {
  private static final int MOST_COLUMNS_SHOWN = 60;
  private static final int MOST_COLUMNS_RANKED = 30;
  private static final int MOST_CLASSES_SHOWN = 8;
  private static final int NUMBER_BINS = 20;
  private static final int MOST_CATEGORIES_SHOWN = 20;
  private static final int PAIRS_NAMED = 10;

  /** Beyond this mean distance of predicted and observed shares, probabilities mislead. */
  private static final double CALIBRATED = 0.05;

  String toHtml() {
    return Html.page(
        "Loop " + name,
        introduction()
            + gate()
            + models()
            + (source.isText() ? "" : importance())
            + columns()
            + (model.learned() == null ? "" : quality(model.learned()))
            + training()
            + holdout());
  }

  private Target target() {
    return source.target();
  }

  private Predictions holdoutRows() {
    return model.champion().measured().holdout();
  }

  private String introduction() {
    String positive =
        target().isBinary()
            ? " The score is the probability of '%s'.".formatted(target().positive())
            : "";
    return Html.paragraph(
            "Made from %s. The model predicts '%s', %s classes.%s The champion is %s, %s."
                .formatted(
                    source.description(),
                    target().column(),
                    target().classes().size(),
                    positive,
                    model.modelId(),
                    model.champion().family().title()))
        + source.kinds().doubts().values().stream().map(Html::warning).collect(Collectors.joining())
        + leftOut()
        + rejected()
        + classes();
  }

  private String leftOut() {
    Map<String, String> left = source.kinds().leftOut();
    return left.isEmpty()
        ? ""
        : Html.warning(
            "The model does not use %s of %s columns: %s."
                .formatted(
                    left.size(),
                    source.kinds().kinds().size(),
                    left.entrySet().stream()
                        .map(entry -> "'%s' (%s)".formatted(entry.getKey(), entry.getValue()))
                        .collect(Collectors.joining("; "))));
  }

  private String rejected() {
    return model.training().rejected().isEmpty()
        ? ""
        : Html.paragraph(
            "Rows left out, by reason and column: %s.".formatted(model.training().rejected()));
  }

  private String classes() {
    List<List<String>> rows = new ArrayList<>();
    for (int label = 0; label < target().classes().size(); label++) {
      int at = label;
      List<String> cells = new ArrayList<>(List.of(className(label)));
      long all = 0;
      for (Part part : List.of(Part.TRAINING, Part.VALIDATION, Part.HOLDOUT)) {
        long count = IntStream.of(model.training().labels(part)).filter(row -> row == at).count();
        cells.add(Long.toString(count));
        all += count;
      }
      cells.add(Long.toString(all));
      cells.add(Chart.percent((double) all / model.training().labels().length));
      rows.add(cells);
    }
    return Html.paragraph("Rows by class of '%s':".formatted(target().column()))
        + Html.table(List.of("class", "training", "validation", "hold-out", "all", "share"), rows);
  }

  private String gate() {
    GateProposal proposal = model.gate();
    String sentence =
        String.format(
                Locale.ROOT,
                "%s must be at least %.2f. ",
                proposal.gate().metric().title(),
                proposal.gate().threshold())
            + proposal.reason();
    Evaluation validation = Evaluation.of(model.champion().measured().validation());
    Evaluation holdout = Evaluation.of(holdoutRows());
    Optional<Evaluation> generated = Optional.ofNullable(model.generated()).map(Evaluation::of);
    List<List<String>> rows = new ArrayList<>();
    rows.add(row("Rows", count(validation), count(holdout), "", generated.map(LoopReport::count)));
    for (Metric metric : Metric.values()) {
      rows.add(
          row(
              metric.title(),
              Chart.fixed(validation.value(metric)),
              Chart.fixed(holdout.value(metric)),
              interval(metric, holdout.value(metric)),
              generated.map(evaluation -> Chart.fixed(evaluation.value(metric)))));
    }
    rows.add(
        row(
            "Log loss",
            Chart.fixed(validation.logLoss()),
            Chart.fixed(holdout.logLoss()),
            "",
            generated.map(evaluation -> Chart.fixed(evaluation.logLoss()))));
    List<String> heads =
        row("metric", "validation", "hold-out", "95 % interval", generated.map(_ -> "generated"));
    return Html.heading("Gate")
        + (proposal.tellsFromGuessing() ? Html.paragraph(sentence) : Html.warning(sentence))
        + Html.table(heads, rows);
  }

  /** A row, with a cell for generated rows where there are any. */
  private static List<String> row(
      String name, String validation, String holdout, String interval, Optional<String> generated) {
    return Stream.concat(Stream.of(name, validation, holdout, interval), generated.stream())
        .toList();
  }

  /** The 95 % interval that sampling error leaves for a metric on the hold-out rows. */
  private String interval(Metric metric, double value) {
    return interval(metric, value, holdoutRows());
  }

  private static String interval(Metric metric, double value, Predictions rows) {
    Interval interval = Influence.of(metric, rows).interval(value, 0.95);
    return Double.isNaN(interval.low())
        ? "–"
        : Chart.fixed(Math.max(0, interval.low()))
            + " – "
            + Chart.fixed(Math.min(1, interval.high()));
  }

  private static String count(Evaluation evaluation) {
    return Integer.toString(evaluation.rows());
  }

  private String models() {
    List<List<String>> rows = new ArrayList<>();
    for (Contender contender : model.contenders()) {
      boolean isChampion = contender.equals(model.champion());
      rows.add(
          row(
              contender.family().title()
                  + (isChampion ? ", the champion" : " (" + contender.version().modelId() + ")"),
              contender.measured(),
              String.format(Locale.ROOT, "%.1f", contender.seconds())));
    }
    if (model.linear() != null) {
      rows.add(row("logistic regression, for comparison", model.linear(), ""));
    }
    Choice choice = model.choice();
    return Html.heading("Models")
        + (choice == null
            ? ""
            : choice.isSure() ? Html.paragraph(choice.sentence()) : Html.warning(choice.sentence()))
        + Html.table(
            List.of(
                "model",
                Choice.METRIC.title() + ", validation",
                "hold-out",
                "95 % interval",
                "ROC AUC, hold-out",
                "Log loss, hold-out",
                "training, s"),
            rows)
        + Html.paragraph(
            "The validation rows chose the model, its decision threshold and when its training"
                + " stopped, the hold-out rows nothing.");
  }

  private static List<String> row(String name, Measured measured, String seconds) {
    Evaluation holdout = Evaluation.of(measured.holdout());
    double value = holdout.value(Choice.METRIC);
    return List.of(
        name,
        Chart.fixed(Choice.METRIC.of(measured.validation())),
        Chart.fixed(value),
        interval(Choice.METRIC, value, measured.holdout()),
        Chart.fixed(holdout.rocAuc()),
        Chart.fixed(holdout.logLoss()),
        seconds);
  }

  private String importance() {
    Importance importance = model.importance();
    String heading = Html.heading("Importance of columns");
    if (importance == null) {
      return heading
          + Html.paragraph(
              "Not measured: a network of so many columns takes too long. --models trees measures"
                  + " it in seconds.");
    }
    List<PermutationImportance> shown =
        importance.columns().stream().limit(MOST_COLUMNS_RANKED).toList();
    int left = importance.columns().size() - shown.size();
    return heading
        + Html.paragraph(
            "How much %s falls on %s hold-out rows when the values of a column are shuffled among them: the mean of %s shuffles; whiskers show a standard deviation on either side. What two columns say alike counts for neither."
                .formatted(
                    Choice.METRIC.title(),
                    String.format(Locale.ROOT, "%,d", importance.rows()),
                    Importance.REPEATS))
        + Chart.ranking(
            "Fall of %s when the column is shuffled".formatted(Choice.METRIC.title()),
            shown.stream().map(PermutationImportance::column).toList(),
            shown.stream().mapToDouble(PermutationImportance::drop).toArray(),
            shown.stream().mapToDouble(PermutationImportance::deviation).toArray())
        + (left == 0 ? "" : Html.paragraph(left + " less important columns are not drawn."));
  }

  private String columns() {
    List<List<String>> rows = new ArrayList<>();
    source
        .kinds()
        .kinds()
        .forEach(
            (column, kind) ->
                rows.add(
                    List.of(
                        column,
                        ColumnKinds.id(kind.type()),
                        kind.reason(),
                        Chart.percent(kind.missing()))));
    return Html.heading("Columns")
        + Html.paragraph(
            "The kind of each column and the reason. To change a kind, edit columns.yaml and give"
                + " it back with --columns.")
        + Html.table(List.of("column", "kind", "reason", "missing"), rows);
  }

  private String quality(LearnedTable learned) {
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
    return Html.heading("Generated rows and real rows")
        + Html.paragraph(
            "Similarity %s of 1: single columns %s, pairs of columns %s (as SDMetrics defines them), measured on %s rows of each."
                .formatted(
                    Chart.fixed(report.overall()),
                    Chart.fixed(report.columnShapes()),
                    Chart.fixed(report.pairTrends()),
                    learned.real().rows()))
        + Chart.legend("real", "generated")
        + Html.charts(charts)
        + notDrawn(learned.real(), charts.size())
        + pairs(learned, report);
  }

  private static String notDrawn(Table table, int shown) {
    int left = table.columns().size() - shown;
    return left == 0 ? "" : Html.paragraph(left + " more columns are not drawn.");
  }

  private static String pairs(LearnedTable learned, QualityReport report) {
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
    return Html.wide(Chart.matrix("Similarity of column pairs (red: low)", names, scores))
        + worst(report.pairs());
  }

  private static String worst(List<PairTrend> pairs) {
    List<List<String>> rows =
        pairs.stream()
            .filter(pair -> !Double.isNaN(pair.score()))
            .sorted(Comparator.comparingDouble(PairTrend::score))
            .limit(PAIRS_NAMED)
            .map(pair -> List.of(pair.first(), pair.second(), Chart.fixed(pair.score())))
            .toList();
    return rows.isEmpty()
        ? ""
        : Html.paragraph("The least similar pairs:")
            + Html.table(List.of("column", "column", "similarity"), rows);
  }

  private String histogram(Column real, Column generated, double score) {
    String title = "%s · %s".formatted(real.name(), Chart.fixed(score));
    if (real instanceof Column.Numbers numbers && isOf(ColumnType.NUMERIC, real)) {
      return numbers(title, numbers.values(), ((Column.Numbers) generated).values(), Axis::label);
    }
    return isOf(ColumnType.DATE, real)
        ? numbers(title, days(real), days(generated), LoopReport::date)
        : categories(title, real, generated);
  }

  private boolean isOf(ColumnType type, Column column) {
    return source.kinds().names(type).contains(column.name());
  }

  /** The dates as days since 1970; NaN where there is none. */
  private static double[] days(Column column) {
    return IntStream.range(0, column.rows())
        .mapToObj(row -> Optional.ofNullable(column.text(row)).flatMap(DateText::parse))
        .mapToDouble(
            date ->
                date.map(day -> day.toLocalDate().toEpochDay())
                    .map(Long::doubleValue)
                    .orElse(Double.NaN))
        .toArray();
  }

  private static String date(double days) {
    return LocalDate.ofEpochDay(Math.round(days)).toString();
  }

  /** From the first to the last percentile of the real values; the end bins hold what is beyond. */
  private static String numbers(
      String title, double[] real, double[] generated, DoubleFunction<String> label) {
    double[] sorted = Arrays.stream(real).filter(Double::isFinite).sorted().toArray();
    double low = sorted[sorted.length / 100];
    double high = sorted[sorted.length - 1 - sorted.length / 100];
    double width = (high - low) / NUMBER_BINS;
    List<String> labels = new ArrayList<>(List.of(label.apply(low)));
    for (int bin = 1; bin < NUMBER_BINS - 1; bin++) {
      labels.add(label.apply(low + bin * width) + " to " + label.apply(low + (bin + 1) * width));
    }
    labels.add(label.apply(high));
    return Chart.bars(
        title, labels, "real", shares(real, low, high), "generated", shares(generated, low, high));
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
        shown,
        "real",
        shown.stream().mapToDouble(category -> ofReal.getOrDefault(category, 0.0)).toArray(),
        "generated",
        shown.stream().mapToDouble(category -> ofGenerated.getOrDefault(category, 0.0)).toArray());
  }

  private static Map<String, Double> shares(Column column) {
    Map<String, Double> shares = new HashMap<>();
    for (int row = 0; row < column.rows(); row++) {
      String text = column.text(row);
      shares.merge(text == null ? "(missing)" : text, 1.0 / column.rows(), Double::sum);
    }
    return shares;
  }

  private String training() {
    return Html.heading("Training")
        + model.contender(ModelFamily.NETWORK).map(this::network).orElse("")
        + model.contender(ModelFamily.TREES).map(LoopReport::trees).orElse("");
  }

  private String network(Contender network) {
    int best = network.trained().bestEpoch();
    String kept =
        "The network: epoch %s of %s was kept, the best by %s on the validation rows."
            .formatted(best, network.trained().epochs(), Choice.METRIC.title());
    List<Epoch> history = network.version().lineage().history();
    List<String> charts = new ArrayList<>();
    if (model.encoder() != null) {
      charts.add(losses("Pre-training loss", model.encoder().version().lineage().history()));
    }
    charts.add(losses("Training loss", history));
    charts.add(
        Chart.lines(
            "Validation",
            Axis.whole("epoch"),
            Axis.values("metric"),
            List.of(
                values(Metric.F1_MACRO, history),
                values(Metric.ACCURACY, history),
                values(Metric.ROC_AUC, history))));
    return (network.trained().isStillImproving()
            ? Html.warning(
                kept
                    + " Validation still improved at the last epoch, so more epochs may give a"
                    + " better model: --epochs "
                    + 2 * best
                    + ".")
            : Html.paragraph(kept))
        + Html.charts(charts);
  }

  private static String trees(Contender trees) {
    List<Epoch> history = trees.version().lineage().history();
    return Html.paragraph(
            "Boosted trees: %s of %s rounds were kept, up to the least log loss on the validation rows."
                .formatted(trees.trained().bestEpoch(), trees.trained().epochs()))
        + Html.charts(
            List.of(
                Chart.losses(
                    "Boosting",
                    "round",
                    "log loss",
                    history.stream().mapToDouble(Epoch::loss).toArray(),
                    history.stream().mapToDouble(Epoch::validationLogLoss).toArray())));
  }

  private static String losses(String title, List<Epoch> history) {
    return Chart.lines(
        title,
        Axis.whole("epoch"),
        Axis.values("loss"),
        List.of(Line.ofEpochs("loss", history.stream().mapToDouble(Epoch::loss).toArray())));
  }

  private static Line values(Metric metric, List<Epoch> history) {
    return Line.ofEpochs(
        metric.title(),
        history.stream()
            .mapToDouble(epoch -> epoch.validation().getOrDefault(metric.id(), Double.NaN))
            .toArray());
  }

  private String holdout() {
    Predictions holdout = holdoutRows();
    Evaluation evaluation = Evaluation.of(holdout);
    return Html.heading("Hold-out rows (not used for any choice)")
        + Html.paragraph(rows(holdout))
        + Html.paragraph(model.champion().version().calibrationSentence())
        + calibration(evaluation)
        + Html.charts(
            List.of(
                Chart.lines(
                    "ROC, area " + Chart.fixed(evaluation.rocAuc()),
                    Axis.unit("false positive rate"),
                    Axis.unit("true positive rate"),
                    curves(
                        label -> Curves.roc(className(label), holdout, label),
                        Line.diagonal("guessing"))),
                Chart.lines(
                    "Precision and recall",
                    Axis.unit("recall"),
                    Axis.unit("precision"),
                    curves(
                        label -> Curves.precisionRecall(className(label), holdout, label), null)),
                Chart.lines(
                    "Calibration: Brier score %s, expected error %s"
                        .formatted(
                            Chart.fixed(evaluation.brierScore()),
                            Chart.fixed(evaluation.calibrationError())),
                    Axis.unit("predicted probability"),
                    Axis.unit("observed share"),
                    curves(
                        label -> Curves.calibration(className(label), holdout, label),
                        Line.diagonal("calibrated")))))
        + confusion(evaluation);
  }

  private String rows(Predictions holdout) {
    String rows = "%s rows.".formatted(holdout.rows());
    if (target().isBinary()) {
      return rows
          + String.format(
              Locale.ROOT,
              " '%s' is predicted from a probability of %.4f on, chosen on the validation rows.",
              target().positive(),
              holdout.threshold());
    }
    return target().classes().size() > MOST_CLASSES_SHOWN
        ? rows + " Curves show the first " + MOST_CLASSES_SHOWN + " classes."
        : rows;
  }

  private String calibration(Evaluation evaluation) {
    return evaluation.calibrationError() <= CALIBRATED
        ? ""
        : Html.warning(
            String.format(
                Locale.ROOT,
                "On these rows the probabilities are on average %.2f away from the observed shares."
                    + " Rank rows by them, but do not read them as frequencies.",
                evaluation.calibrationError()));
  }

  /** A curve for each class shown, and what they are compared with. */
  private List<Line> curves(IntFunction<Line> curve, @Nullable Line reference) {
    IntStream labels =
        target().isBinary()
            ? IntStream.of(target().positiveIndex())
            : IntStream.range(0, Math.min(MOST_CLASSES_SHOWN, target().classes().size()));
    List<Line> lines = new ArrayList<>(labels.mapToObj(curve).toList());
    if (reference != null) {
      lines.add(reference);
    }
    return lines;
  }

  private String className(int label) {
    return target().classes().get(label);
  }

  private String confusion(Evaluation evaluation) {
    List<String> header = new ArrayList<>(List.of("true \\ predicted"));
    header.addAll(target().classes());
    List<List<String>> rows = new ArrayList<>();
    for (int label = 0; label < target().classes().size(); label++) {
      List<String> cells = new ArrayList<>(List.of(className(label)));
      for (long count : evaluation.confusion().counts()[label]) {
        cells.add(Long.toString(count));
      }
      rows.add(cells);
    }
    return Html.paragraph("Rows by true and predicted class:") + Html.table(header, rows);
  }
}
