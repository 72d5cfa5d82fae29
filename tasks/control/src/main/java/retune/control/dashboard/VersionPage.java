package retune.control.dashboard;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.Layout.Crumb;
import retune.control.dashboard.Markup.Heading;
import retune.judgement.AuditTrail;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelVersion.Epoch;
import retune.report.Axis;
import retune.report.Chart;
import retune.report.Html;

/** What a version is, what it was made from and why it was approved or refused. */
final class VersionPage {
  private static final int VERDICTS = 30;

  private final VersionFacts facts;

  private VersionPage(VersionFacts facts) {
    this.facts = facts;
  }

  static String of(VersionFacts facts, Viewer viewer, Instant now) {
    VersionPage page = new VersionPage(facts);
    return Layout.page(
        facts.modelId(),
        List.of(new Crumb(Paths.model(facts.model()), facts.model())),
        Markup.join(
            page.standing(viewer),
            page.approval(),
            page.comparison(),
            page.verdicts(),
            page.retrainings(),
            page.history(),
            page.lineage(),
            page.data(),
            page.training(),
            page.metrics(),
            Markup.of(
                "<p>{}</p>\n",
                Markup.link(
                    Paths.versions(facts.model())
                        + "?%s=%s".formatted(ComparePage.ONE, Markup.encoded(facts.modelId())),
                    "Compare it with another version"))),
        viewer,
        now);
  }

  private Markup standing(Viewer viewer) {
    Document version = facts.version();
    Optional<Bar> bar =
        Optional.ofNullable(facts.champion()).flatMap(champion -> champion.bar(facts.modelId()));
    String notes = version.getString("notes");
    return Layout.section(
        "Standing",
        Markup.join(
            Markup.of(
                "<p class=\"verdict\">{}{}</p>\n",
                Words.status(version.getString("status")),
                facts.isInProduction() ? " This version is in production." : ""),
            bar.map(found -> Markup.of("<p class=\"warn\">{}</p>\n", found.sentence()))
                .orElse(Markup.NONE),
            facts.damage() == null
                ? Markup.NONE
                : Markup.of("<p class=\"warn\">{}</p>\n", facts.damage()),
            bar.isEmpty() ? steer(viewer) : Markup.NONE,
            notes == null || notes.isEmpty() ? Markup.NONE : Markup.of("<p>{}</p>\n", notes),
            Markup.of(
                "<dl>\n{}</dl>\n",
                Markup.join(
                    OverviewPage.fact("Registered", Words.time(version.getString("created_at"))),
                    OverviewPage.fact("Made by", Markup.text(madeBy(version))),
                    OverviewPage.fact("Calibration", Markup.text(calibration(version))),
                    OverviewPage.fact(
                        "Weights", Markup.text("SHA-256 " + version.getString("weights_hash")))))));
  }

  /** What can be done with the version: by a button, or by a command where there is none. */
  private Markup steer(Viewer viewer) {
    boolean starts = viewer.can().steer() && viewer.can().start();
    if (facts.mayComeBack() && !starts) {
      return comeBack();
    }
    boolean isApproved = "approved".equals(facts.version().getString("status"));
    Champion champion = facts.champion();
    boolean mayBeTried =
        champion != null && !facts.isInProduction() && champion.challenger() == null;
    return Summary.buttons(
        starts && facts.mayComeBack() ? button(Button.ROLL_BACK, viewer) : Markup.NONE,
        starts && isApproved && !facts.isInProduction()
            ? button(Button.DEPLOY, viewer)
            : Markup.NONE,
        mayBeTried ? button(Button.TRY, viewer) : Markup.NONE);
  }

  private Markup button(Button button, Viewer viewer) {
    return button.link(facts.model(), facts.modelId(), viewer);
  }

  private Markup comeBack() {
    String command =
        "./retune rollback %s --to %s --reason 'WHY'".formatted(facts.model(), facts.modelId());
    return Markup.of(
        "<p>To put it back, which bars the version in production:</p><pre>{}</pre>\n", command);
  }

  static String madeBy(Document version) {
    Document hyperparameters = version.get("hyperparameters", new Document());
    String strategy = hyperparameters.getString("strategy");
    return strategy == null
        ? Words.plain(String.valueOf(version.getString("kind"))) + ", registered from a file"
        : Words.plain(strategy);
  }

  private static String calibration(Document version) {
    Document calibration = version.get("calibration", Document.class);
    if (calibration == null) {
      return "none";
    }
    Document metrics = calibration.get("metrics", new Document());
    return "%s: calibration error %s before, %s after"
        .formatted(
            calibration.getString("method"),
            number(metrics.get("expected_calibration_error_before")),
            number(metrics.get("expected_calibration_error_after")));
  }

  /** Why the version was approved, where a later comparison has come to another verdict. */
  private Markup approval() {
    return facts
        .lastApproval()
        .filter(approval -> !facts.asCandidate().equals(Optional.of(approval)))
        .map(approval -> Layout.section("Why it was approved", compared(approval)))
        .orElse(Markup.NONE);
  }

  /** The last verdict on the version beside one in production, check by check. */
  private Markup comparison() {
    return facts
        .asCandidate()
        .map(
            verdict ->
                Layout.section(
                    "Last comparison with a version in production",
                    Markup.join(
                        compared(verdict),
                        checks(verdict.getList("checks", Document.class, List.of())))))
        .orElse(Markup.NONE);
  }

  private Markup compared(Document verdict) {
    String id = verdict.getString("_id");
    return Markup.of(
        "<p>{} beside {}, {}. {}</p>\n<p>{}</p>\n",
        Words.answer(verdict.getString("status")),
        link(verdict.getString("champion_id")),
        Words.time(verdict.getString("timestamp")),
        facts.reports().contains(id)
            ? Markup.link(Paths.comparison(id), "Report of the comparison")
            : Markup.NONE,
        verdict.getString("reason"));
  }

  private static Markup checks(List<Document> checks) {
    return checks.isEmpty()
        ? Markup.NONE
        : Markup.table(
            "Checks of the last verdict",
            List.of(
                Heading.text("check"),
                Heading.text("answer"),
                Heading.number("value"),
                Heading.number("limit"),
                Heading.number("interval"),
                Heading.number("rows"),
                Heading.sentences("in words")),
            checks.stream()
                .map(
                    check ->
                        List.of(
                            Markup.text(Words.plain(check.getString("name"))),
                            Words.answer(check.getString("answer")),
                            Markup.text(number(check.get("value"))),
                            Markup.text(number(check.get("limit"))),
                            Markup.text(interval(check)),
                            Markup.text(count(check.get("rows"))),
                            Markup.text(check.getString("sentence"))))
                .toList());
  }

  private static String interval(Document check) {
    return check.get("low") instanceof Double low && check.get("high") instanceof Double high
        ? Chart.fixed(low) + " to " + Chart.fixed(high)
        : "–";
  }

  private Markup verdicts() {
    List<Document> verdicts =
        facts.verdicts().subList(0, Math.min(VERDICTS, facts.verdicts().size()));
    return verdicts.isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Verdicts",
            Markup.table(
                facts.verdicts().size() > VERDICTS
                    ? "The last %d of %d verdicts, the newest first"
                        .formatted(VERDICTS, facts.verdicts().size())
                    : "The newest first",
                List.of(
                    Heading.text("rows of"),
                    Heading.text("verdict"),
                    Heading.number("value"),
                    Heading.number("limit"),
                    Heading.sentences("why"),
                    Heading.text("report")),
                verdicts.stream().map(this::verdict).toList()));
  }

  private List<Markup> verdict(Document verdict) {
    return List.of(
        Markup.text(String.valueOf(verdict.getString("data_path"))),
        Words.answer(verdict.getString("status")),
        Markup.text(number(verdict.get("value"))),
        Markup.text(number(verdict.get("threshold"))),
        Markup.text(verdict.getString("reason")),
        report(verdict.getString("_id")));
  }

  private Markup report(String id) {
    return facts.reports().contains(id)
        ? Markup.link(Paths.comparison(id), "comparison")
        : Markup.text("–");
  }

  private Markup retrainings() {
    return facts.retrainings().isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Judged by its retraining",
            Markup.table(
                "The newest first",
                List.of(
                    Heading.text("retraining"),
                    Heading.text("when"),
                    Heading.text("status"),
                    Heading.text("beside"),
                    Heading.sentences("why"),
                    Heading.text("report")),
                facts.retrainings().stream()
                    .map(
                        judged ->
                            List.of(
                                Markup.text(String.valueOf(judged.getString("retraining_id"))),
                                Words.time(judged.getString("timestamp")),
                                Words.answer(String.valueOf(judged.getString("status"))),
                                link(judged.getString("champion_id")),
                                Markup.text(
                                    Objects.requireNonNullElse(judged.getString("reason"), "")),
                                report(judged.getString("_id"))))
                    .toList()));
  }

  private Markup history() {
    return Layout.section(
        "History",
        Markup.table(
            "Each move of its status, the newest first",
            List.of(
                Heading.text("when"),
                Heading.text("status"),
                Heading.text("by"),
                Heading.sentences("why")),
            AuditTrail.moves(facts.version()).reversed().stream()
                .map(
                    move ->
                        List.of(
                            Words.time(move.getString("timestamp")),
                            Words.status(move.getString("to")),
                            Markup.text(by(move)),
                            Markup.text(Objects.requireNonNullElse(move.getString("reason"), ""))))
                .toList()));
  }

  private static String by(Document move) {
    String person = move.getString("started_by");
    String run = move.getString("run_id");
    String task = move.getString("task_id");
    String what = run == null ? "–" : task + " of " + run;
    return person == null ? what : person + ", " + what;
  }

  private Markup lineage() {
    List<Markup> items = new ArrayList<>();
    for (Document version : facts.lineage()) {
      items.add(
          Markup.of(
              "<li>{}, {} ({})</li>\n",
              link(version.getString("_id")),
              madeBy(version),
              version.getString("status")));
    }
    return Layout.section(
        "Made from",
        items.isEmpty()
            ? Markup.of("<p>It was not made from another version.</p>\n")
            : Markup.of(
                "<ol class=\"lineage\">{}</ol>\n", items.stream().collect(Markup.joining())));
  }

  private Markup data() {
    String trainedOn = facts.version().getString("trained_on");
    if (trainedOn == null) {
      return Markup.NONE;
    }
    return Layout.section(
        "Trained on",
        facts.splits().isEmpty()
            ? Markup.of("<p>Rows with the content hash {}.</p>\n", trainedOn)
            : Markup.table(
                "How the rows with the content hash %s were split".formatted(trainedOn),
                List.of(
                    Heading.text("rows of"),
                    Heading.number("training"),
                    Heading.number("validation"),
                    Heading.number("hold-out"),
                    Heading.number("left out by the quality filter"),
                    Heading.text("when")),
                facts.splits().stream().map(VersionPage::split).toList()));
  }

  private static List<Markup> split(Document split) {
    Document counts = split.get("counts", new Document());
    return List.of(
        Markup.text(String.valueOf(split.getString("data_path"))),
        Markup.text(count(counts.get("training"))),
        Markup.text(count(counts.get("validation"))),
        Markup.text(count(counts.get("holdout"))),
        Markup.text(count(counts.get("rejected"))),
        Words.time(split.getString("timestamp")));
  }

  /** The losses of its epochs or rounds. */
  private Markup training() {
    List<Epoch> history = facts.history();
    if (history.size() < 2) {
      return Markup.NONE;
    }
    return Layout.section(
        "Training",
        new Markup(
            Html.charts(
                List.of(
                    Chart.losses(
                        "Log loss by epoch or round",
                        "epoch or round",
                        "log loss",
                        history.stream().mapToDouble(Epoch::loss).toArray(),
                        history.stream().mapToDouble(Epoch::validationLogLoss).toArray())))));
  }

  private Markup metrics() {
    Document metrics = facts.version().get("metrics", new Document());
    return metrics.isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Metrics when it was made",
            Markup.table(
                "On the rows that its training kept for it",
                List.of(Heading.text("metric"), Heading.number("value")),
                metrics.entrySet().stream()
                    .sorted(Comparator.comparing(Map.Entry::getKey))
                    .map(
                        metric ->
                            List.of(
                                Markup.text(Words.plain(metric.getKey())),
                                Markup.text(metric(metric.getValue()))))
                    .toList()));
  }

  private Markup link(String modelId) {
    return Markup.link(Paths.version(facts.model(), modelId), modelId);
  }

  static String number(@Nullable Object value) {
    return value instanceof Number number ? Axis.label(number.doubleValue()) : "–";
  }

  /** A metric, with as many decimals as any other. */
  static String metric(@Nullable Object value) {
    return value instanceof Double metric && Double.isFinite(metric) ? Chart.fixed(metric) : "–";
  }

  private static String count(@Nullable Object value) {
    return value instanceof Number number ? "%,d".formatted(number.longValue()) : "–";
  }
}
