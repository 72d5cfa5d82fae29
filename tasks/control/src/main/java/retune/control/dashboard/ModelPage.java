package retune.control.dashboard;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.Markup.Heading;
import retune.core.metrics.Metric;
import retune.model.ChallengerTraffic;
import retune.report.Axis;
import retune.report.Chart;
import retune.report.Timeline;
import retune.report.Timeline.Mark;
import retune.report.Timeline.Point;
import retune.report.Timeline.Series;

/** What happened to a model, and why. */
final class ModelPage {
  /** The spans that the page offers, in days. */
  private static final Map<Integer, String> SPANS =
      new TreeMap<>(Map.of(30, "30 days", 90, "90 days", 365, "a year", 1095, "3 years"));

  /** Changes of the version in production that are told, the newest first. */
  private static final int MOVES = 20;

  private final ModelHistory model;

  private ModelPage(ModelHistory model) {
    this.model = model;
  }

  /** The least offered span that has so many days; the longest where none has. */
  static int span(int days) {
    return SPANS.keySet().stream()
        .filter(span -> span >= days)
        .findFirst()
        .orElseGet(() -> SPANS.keySet().stream().reduce((_, last) -> last).orElseThrow());
  }

  static String of(ModelHistory model, Panels panels, Viewer viewer, Instant now) {
    ModelPage page = new ModelPage(model);
    return Layout.page(
        model.summary().model(),
        List.of(),
        Markup.join(
            page.verdict(viewer, now),
            page.steer(panels, viewer),
            page.lastRun(),
            page.chart(),
            page.days(),
            page.drift(),
            page.attempts(),
            page.traffic(viewer),
            page.challenger(),
            page.retrainings(),
            page.alerts(),
            schedule(panels, viewer),
            queries(panels),
            page.barred(),
            Markup.of(
                "<p>{}</p>\n",
                Markup.link(Paths.versions(page.name()), "List all versions, and compare two"))),
        viewer,
        now);
  }

  private String name() {
    return model.summary().model();
  }

  private Markup verdict(Viewer viewer, Instant now) {
    List<Markup> needs = model.summary().needs(viewer, now);
    return Markup.join(
        needs.isEmpty()
            ? Markup.NONE
            : Layout.section(
                "Needs a person",
                Markup.of(
                    "<ul class=\"needs\">{}</ul>\n",
                    needs.stream()
                        .map(need -> Markup.of("<li>{}</li>\n", need))
                        .collect(Markup.joining()))),
        Layout.section(
            "Last verdict",
            Markup.join(
                model
                    .summary()
                    .last()
                    .map(OverviewPage::verdict)
                    .orElseGet(OverviewPage::noVerdict),
                OverviewPage.facts(model.summary()))));
  }

  /** The buttons of the model. Of pause and resume, those that change something, if known. */
  private Markup steer(Panels panels, Viewer viewer) {
    Viewer.Can can = viewer.can();
    Optional<Schedule> schedule = panels.schedule().filter(known -> known.problem() == null);
    return Summary.buttons(
        can.start() ? Button.RETRAIN.link(name(), "", viewer) : Markup.NONE,
        can.start() && model.summary().champion().previousModelId() != null
            ? Button.ROLL_BACK.link(name(), "", viewer)
            : Markup.NONE,
        can.start() && schedule.map(Schedule::canStop).orElse(true)
            ? Button.PAUSE.link(name(), "", viewer)
            : Markup.NONE,
        can.start() && schedule.map(Schedule::canStart).orElse(true)
            ? Button.RESUME.link(name(), "", viewer)
            : Markup.NONE);
  }

  /** How a run ended that was started from here; what Airflow runs is seen there. */
  private Markup lastRun() {
    Document run = model.lastRun();
    return run == null
        ? Markup.NONE
        : Markup.of(
            "<p>Last run from here: {} {}, by {}: {} <small>{}</small></p>\n",
            Objects.equals(run.getInteger("exit_code"), 0)
                ? Words.Tone.GOOD.badge("done")
                : Words.Tone.BAD.badge("failed"),
            Words.time(run.getString("timestamp")),
            run.getString("by"),
            run.getString("message"),
            run.getString("run_id"));
  }

  private Markup chart() {
    Metric metric = model.metric();
    if (metric == null) {
      return Markup.NONE;
    }
    List<Reading.Day> days = model.days().reversed();
    List<Point> truth = new ArrayList<>();
    List<Point> limit = new ArrayList<>();
    for (Reading.Day day : days) {
      Reading.Measured value = model.measured(day);
      if (value != null) {
        truth.add(new Point(day.date(), value.value(), value.low(), value.high()));
      }
      if (day.metric().equals(metric.id())) {
        limit.add(new Point(day.date(), day.threshold()));
      }
    }
    List<Series> lines = new ArrayList<>(List.of(new Series("measured with labels", truth)));
    List<Point> estimates =
        model.estimates().entrySet().stream()
            .filter(
                estimate ->
                    estimate.getValue().get("estimate") instanceof Double value
                        && Double.isFinite(value))
            .map(estimate -> point(estimate.getKey(), estimate.getValue()))
            .toList();
    if (!estimates.isEmpty()) {
      lines.add(new Series("estimated without labels", estimates));
    }
    List<Move> moves = moves(days);
    Timeline timeline =
        new Timeline(
            "%s of the version in production, with 95 %% intervals%s"
                .formatted(
                    metric.title(), moves.isEmpty() ? "" : "; a numbered line marks a new version"),
            lines,
            limit,
            moves.stream().map(Move::mark).toList());
    return Layout.section(
        metric.title() + " by day",
        Markup.join(
            spans(),
            timeline.isEmpty()
                ? Markup.of("<p>No day has a value of {} yet.</p>\n", metric.title())
                : new Markup(timeline.figure()),
            moves.isEmpty()
                ? Markup.NONE
                : Markup.of(
                    "<h3>Changes of the version in production</h3>\n<ul class=\"moves\">{}</ul>\n",
                    moves.reversed().stream()
                        .limit(MOVES)
                        .map(this::sentence)
                        .collect(Markup.joining()))));
  }

  private static Point point(LocalDate day, Document estimate) {
    return new Point(
        day,
        estimate.getDouble("estimate"),
        Objects.requireNonNullElse(estimate.getDouble("low"), Double.NaN),
        Objects.requireNonNullElse(estimate.getDouble("high"), Double.NaN));
  }

  private Markup spans() {
    return Markup.of(
        "<nav aria-label=\"Days shown\" class=\"spans\"><ol>{}</ol></nav>\n",
        SPANS.entrySet().stream()
            .map(
                span ->
                    span.getKey() == model.span()
                        ? Markup.of(
                            "<li><span aria-current=\"true\">{}</span></li>", span.getValue())
                        : Markup.of(
                            "<li>{}</li>",
                            Markup.link(
                                Paths.model(name()) + "?days=" + span.getKey(), span.getValue())))
            .collect(Markup.joining()));
  }

  /** A change of the version in production, on a day that the chart has. */
  private record Move(LocalDate day, Document event, Mark mark) {}

  private List<Move> moves(List<Reading.Day> days) {
    if (days.isEmpty()) {
      return List.of();
    }
    List<Move> moves = new ArrayList<>();
    List<Document> events =
        model.moves().stream()
            .filter(event -> !"version_released".equals(event.getString("event_type")))
            .filter(event -> event.getString("previous_model_id") != null)
            .toList();
    for (Document event : events) {
      LocalDate day = day(event);
      if (!day.isBefore(days.getFirst().date())) {
        boolean isRollback = "model_rolled_back".equals(event.getString("event_type"));
        moves.add(
            new Move(day, event, new Mark(day, Integer.toString(moves.size() + 1), isRollback)));
      }
    }
    return moves;
  }

  private static LocalDate day(Document event) {
    String date = event.getString("logical_date");
    return LocalDate.parse(date == null ? event.getString("timestamp").substring(0, 10) : date);
  }

  private Markup sentence(Move move) {
    Document event = move.event;
    String by = event.getString("by");
    String reason = event.getString("reason");
    return Markup.of(
        "<li>{} · {} · {} {} {}{}.{}</li>\n",
        move.mark.label(),
        move.day,
        version(event.getString("model_id")),
        move.mark.isSetback() ? "was rolled back to, after" : "follows",
        version(event.getString("previous_model_id")),
        by == null ? "" : ", by " + by,
        reason == null
            ? Markup.NONE
            : Markup.of("<details><summary>Why</summary>{}</details>", reason));
  }

  private Markup version(String modelId) {
    return Markup.link(Paths.version(name(), modelId), modelId);
  }

  private Markup days() {
    List<List<Markup>> rows = new ArrayList<>();
    for (Reading.Day day : model.lastDays()) {
      Reading.Measured value = model.measured(day);
      rows.add(
          List.of(
              Markup.of("{}<br>{}", day.date(), run(day.runId(), day.runUrl())),
              Markup.of("{}<br>{}", Words.outcome(day.status()), day.message()),
              value == null ? Markup.text("–") : Markup.text(Chart.fixed(value.value())),
              value == null || !Double.isFinite(value.low())
                  ? Markup.text("–")
                  : Markup.text(
                      "%s to %s".formatted(Chart.fixed(value.low()), Chart.fixed(value.high()))),
              Markup.text(Axis.label(day.threshold())),
              value == null || value.rows() == 0
                  ? Markup.text("–")
                  : Markup.text(Chart.percent((double) value.labelled() / value.rows())),
              Optional.ofNullable(model.estimates().get(day.date()))
                  .map(estimate -> estimate.getDouble("estimate"))
                  .map(estimate -> Markup.text(Chart.fixed(estimate)))
                  .orElse(Markup.text("–"))));
    }
    return rows.isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Days",
            Markup.table(
                "How the last %d days ended, the newest first".formatted(rows.size()),
                List.of(
                    Heading.text("day and run"),
                    Heading.sentences("outcome and why"),
                    Heading.number("value"),
                    Heading.number("95 % interval"),
                    Heading.number("limit"),
                    Heading.number("rows with labels"),
                    Heading.number("estimate")),
                rows));
  }

  private static Markup run(String runId, @Nullable String url) {
    return Markup.of(
        "<small>{}</small>", url == null ? Markup.text(runId) : Layout.outside(url, runId));
  }

  private Markup drift() {
    return model.drift().isEmpty()
        ? Layout.section("Drift", Markup.of("<p>No report on these days.</p>\n"))
        : Layout.section("Drift", DriftStrip.of(List.copyOf(model.drift().values()).reversed()));
  }

  private Markup attempts() {
    List<List<Markup>> rows = new ArrayList<>();
    int passed = 0;
    for (Document attempt : model.attempts()) {
      String modelId = attempt.getString("model_id");
      String path = attempt.getString("data_path");
      Optional<Document> verdict =
          model.verdicts().stream()
              .filter(judged -> judged.getString("model_id").equals(modelId))
              .filter(judged -> judged.getString("data_path").equals(path))
              .filter(judged -> judged.getString("run_id").equals(attempt.getString("run_id")))
              .reduce((_, last) -> last);
      rows.add(row(attempt, modelId, verdict));
      if (verdict.filter(judged -> "approved".equals(judged.getString("status"))).isPresent()) {
        passed++;
      }
    }
    return rows.isEmpty()
        ? Layout.section(
            "Attempts and candidates", Markup.of("<p>Nothing was trained on these days.</p>\n"))
        : Layout.section(
            "Attempts and candidates",
            Markup.table(
                "Attempts at fine-tuning, the newest first; %d of %d passed (%s)"
                    .formatted(passed, rows.size(), Chart.percent((double) passed / rows.size())),
                List.of(
                    Heading.text("day"),
                    Heading.number("attempt"),
                    Heading.text("strategy"),
                    Heading.text("version"),
                    Heading.number("on validation rows"),
                    Heading.text("verdict"),
                    Heading.sentences("why")),
                rows));
  }

  private List<Markup> row(Document attempt, @Nullable String modelId, Optional<Document> verdict) {
    String path = attempt.getString("data_path");
    Double value = attempt.getDouble("validation_value");
    String why =
        verdict
            .map(judged -> judged.getString("reason"))
            .orElseGet(
                () ->
                    Objects.requireNonNullElse(
                        attempt.getString("reason"), "not chosen for the hold-out"));
    return List.of(
        Markup.text(path.substring(path.indexOf('/') + 1)),
        Markup.text(String.valueOf(attempt.getInteger("attempt"))),
        Markup.text(Words.plain(String.valueOf(attempt.getString("strategy")))),
        modelId == null ? Markup.text("none") : version(modelId),
        Markup.text(value == null ? "–" : Chart.fixed(value)),
        verdict.map(this::verdict).orElse(Markup.text("–")),
        Markup.text(why));
  }

  private Markup verdict(Document judged) {
    return Markup.of(
        "{}<br>{}",
        Words.answer(judged.getString("status")),
        model.reports().contains(judged.getString("_id"))
            ? report(judged.getString("_id"))
            : Markup.NONE);
  }

  private Markup report(String id) {
    return model.reports().contains(id)
        ? Markup.link(Paths.comparison(id), "comparison")
        : Markup.text("–");
  }

  /** The version that gets requests beside the one in production. */
  private Markup traffic(Viewer viewer) {
    ChallengerTraffic traffic = model.summary().champion().challenger();
    return traffic == null
        ? Markup.NONE
        : Layout.section(
            "Challenger on traffic",
            Markup.of(
                "<p>{} {} since {}, started by {} ({}).</p>\n{}{}{}",
                version(traffic.modelId()),
                traffic.share(),
                Words.time(traffic.startedAt()),
                traffic.by(),
                traffic.reason(),
                trafficEvidence(),
                trafficWaits(),
                Summary.buttons(
                    viewer.can().start()
                        ? Button.PROMOTE.link(name(), traffic.modelId(), viewer)
                        : Markup.NONE,
                    Button.ABORT.link(name(), traffic.modelId(), viewer))));
  }

  private Markup trafficEvidence() {
    Document evidence = model.trafficEvidence();
    return evidence == null
        ? Markup.of("<p>No day of its requests has been weighed yet.</p>\n")
        : Markup.of(
            "<p>Weighed on {} days, the last {} with {} labelled rows: {}. Evidence that it is"
                + " better {}, that it is worse {}; either decides from {}.</p>\n",
            number(evidence, "days"),
            evidence.getString("logical_date"),
            number(evidence, "rows"),
            Words.plain(String.valueOf(evidence.getString("standing"))),
            number(evidence, "e_value"),
            number(evidence, "worse_e_value"),
            number(evidence, "limit"));
  }

  private Markup trafficWaits() {
    Document waits = model.trafficWaits();
    String sentence = waits == null ? "" : waits.getString("message");
    return sentence.isEmpty() ? Markup.NONE : Markup.of("<p>{}</p>\n", sentence);
  }

  private Markup challenger() {
    Document evidence = model.evidence();
    List<Document> challengers =
        evidence == null ? List.of() : evidence.getList("challengers", Document.class, List.of());
    if (challengers.isEmpty()) {
      return Markup.NONE;
    }
    return Layout.section(
        "Challengers",
        Markup.table(
            "Versions that gather evidence beside the one in production",
            List.of(
                Heading.text("version"),
                Heading.text("standing"),
                Heading.number("days"),
                Heading.number("evidence that it is better"),
                Heading.number("that it is worse"),
                Heading.number("decides from")),
            challengers.stream()
                .map(
                    challenger ->
                        List.of(
                            version(challenger.getString("model_id")),
                            Markup.text(Words.plain(challenger.getString("standing"))),
                            number(challenger, "days"),
                            number(challenger, "e_value"),
                            number(challenger, "worse_e_value"),
                            number(Objects.requireNonNull(evidence), "limit")))
                .toList()));
  }

  private static Markup number(Document document, String field) {
    return Markup.text(
        document.get(field) instanceof Number number ? Axis.label(number.doubleValue()) : "–");
  }

  private Markup retrainings() {
    if (model.retrainings().isEmpty() && model.candidates().isEmpty()) {
      return Markup.NONE;
    }
    Markup events =
        Markup.table(
            "Events, the newest first",
            List.of(
                Heading.text("retraining"),
                Heading.text("when"),
                Heading.text("status"),
                Heading.text("trigger"),
                Heading.number("rows"),
                Heading.sentences("why"),
                Heading.text("report")),
            model.retrainings().stream().map(this::retraining).toList());
    Markup candidates =
        Markup.table(
            "Candidates, the newest first",
            List.of(
                Heading.text("retraining"),
                Heading.text("strategy"),
                Heading.text("version"),
                Heading.number("on validation rows"),
                Heading.number("version in production"),
                Heading.number("training rows"),
                Heading.sentences("not kept because")),
            model.candidates().stream().map(this::candidate).toList());
    return Layout.section(
        "Retrainings",
        Markup.join(events, model.candidates().isEmpty() ? Markup.NONE : candidates));
  }

  private List<Markup> candidate(Document candidate) {
    String path = candidate.getString("data_path");
    String modelId = candidate.getString("model_id");
    return List.of(
        Markup.text(path.substring(path.indexOf('/') + 1)),
        Markup.text(Words.plain(candidate.getString("strategy"))),
        modelId == null ? Markup.text("none") : version(modelId),
        fixed(candidate, "validation_value"),
        fixed(candidate, "champion_validation_value"),
        number(candidate, "train_samples"),
        Markup.text(Objects.requireNonNullElse(candidate.getString("reason"), "")));
  }

  private static Markup fixed(Document document, String field) {
    return Markup.text(document.get(field) instanceof Double value ? Chart.fixed(value) : "–");
  }

  private List<Markup> retraining(Document event) {
    Document details = event.get("details", new Document());
    String why =
        Stream.of(details.getString("deployment_reason"), details.getString("reason"))
            .filter(Objects::nonNull)
            .findFirst()
            .orElse("");
    return List.of(
        Markup.text(String.valueOf(event.getString("retraining_id"))),
        Words.time(event.getString("timestamp")),
        Words.status(String.valueOf(event.getString("status"))),
        Markup.text(Words.plain(String.valueOf(event.getString("trigger")))),
        number(details, "dataset_size"),
        Markup.text(why),
        report(ModelHistory.judgement(event)));
  }

  private Markup alerts() {
    return model.alerts().isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Alerts",
            Markup.table(
                "The last %d alerts, the newest first".formatted(model.alerts().size()),
                List.of(
                    Heading.text("day"),
                    Heading.text("when"),
                    Heading.sentences("alert"),
                    Heading.sentences("acknowledged")),
                model.alerts().entrySet().stream()
                    .map(alert -> alert(alert.getKey(), alert.getValue()))
                    .toList()));
  }

  private static List<Markup> alert(Document alert, Optional<Document> acknowledged) {
    return List.of(
        Markup.text(String.valueOf(alert.getString("logical_date"))),
        Words.time(alert.getString("timestamp")),
        Markup.text(String.valueOf(alert.getString("message"))),
        acknowledged
            .map(
                by ->
                    Markup.of(
                        "by {}, {}: {}",
                        by.getString("by"),
                        Words.time(by.getString("timestamp")),
                        by.getString("reason")))
            .orElse(Markup.text("–")));
  }

  /** What runs by itself, and when next. */
  private static Markup schedule(Panels panels, Viewer viewer) {
    if (!viewer.can().start()) {
      return Markup.NONE;
    }
    return Layout.section(
        "Schedule",
        panels
            .schedule()
            .map(ModelPage::schedule)
            .orElse(Markup.of("<p>It is not known yet. Reload the page.</p>\n")));
  }

  private static Markup schedule(Schedule schedule) {
    if (schedule.problem() != null) {
      return Markup.of("<p class=\"warn\">{}</p>\n", schedule.problem());
    }
    return Markup.join(
        Markup.of(
            "<p>{}</p>\n",
            switch (schedule.state()) {
              case "running" ->
                  schedule.canStart()
                      ? Words.Tone.OPEN.badge("partly paused")
                      : Words.Tone.GOOD.badge("on");
              case "stopped" -> Words.Tone.BAD.badge("nothing runs by itself");
              default -> Words.Tone.OPEN.badge("no schedule");
            }),
        schedule.jobs().isEmpty()
            ? Markup.NONE
            : Markup.table(
                "What runs by itself",
                List.of(
                    Heading.text("what"),
                    Heading.text("next run"),
                    Heading.sentences("started by"),
                    Heading.text("paused"),
                    Heading.sentences("last run")),
                schedule.jobs().stream()
                    .map(
                        job ->
                            List.of(
                                Markup.text(job.id()),
                                Words.time(job.nextRun()),
                                Markup.text(job.trigger()),
                                Markup.text(job.isPaused() ? "paused" : "no"),
                                last(job.last())))
                    .toList()));
  }

  private static Markup last(Schedule.@Nullable Last last) {
    return last == null
        ? Markup.text("–")
        : Markup.of(
            "{} {}: {}",
            last.isSuccess() ? Words.Tone.GOOD.badge("done") : Words.Tone.BAD.badge("failed"),
            Words.time(last.endedAt()),
            last.message());
  }

  private static Markup queries(Panels panels) {
    return panels.queries().isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Queries",
            Markup.table(
                "Rows that services predicted and logged, by day of arrival (UTC)",
                List.of(Heading.text("day"), Heading.number("rows")),
                panels.queries().entrySet().stream()
                    .map(
                        day ->
                            List.of(
                                Markup.text(day.getKey().toString()),
                                Markup.text("%,d".formatted(day.getValue()))))
                    .toList()));
  }

  private Markup barred() {
    List<Markup> bars =
        model.summary().champion().bars().stream()
            .sorted(Comparator.comparing(bar -> bar.since()))
            .map(bar -> Markup.of("<li>{}</li>\n", bar.sentence()))
            .toList();
    return bars.isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Barred versions", Markup.of("<ul>{}</ul>\n", bars.stream().collect(Markup.joining())));
  }
}
