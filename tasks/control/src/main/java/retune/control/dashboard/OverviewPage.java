package retune.control.dashboard;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.bson.Document;
import retune.core.metrics.Metric;
import retune.report.Axis;
import retune.report.Chart;
import retune.report.Timeline;
import retune.report.Timeline.Point;
import retune.report.Timeline.Series;

/** The first page: for each model what was decided last, and what waits for a person. */
final class OverviewPage {
  private OverviewPage() {}

  static String of(List<Summary> models, Viewer viewer, Instant now) {
    return Layout.page(
        "Retune",
        List.of(),
        Markup.join(
            needs(models, viewer, now),
            Layout.section(
                models.size() == 1 ? "The model" : "%d models".formatted(models.size()),
                Markup.of(
                    "<div class=\"cards\">\n{}</div>\n",
                    models.stream().map(OverviewPage::card).collect(Markup.joining())))),
        viewer,
        now);
  }

  /** The page of a store without a model in production. */
  static String empty(boolean hasVersions, Viewer viewer, Instant now) {
    Markup next =
        hasVersions
            ? Markup.of(
                "<p>Versions are registered, and none is in production. Make one the first"
                    + " champion:</p><pre>./retune register-model --path FOLDER --champion"
                    + " true</pre>")
            : Markup.of(
                "<p>No model yet. Make a loop from a table, which trains and registers its first"
                    + " model:</p><pre>./retune new-loop --data FILE.csv --target COLUMN</pre><p>Or"
                    + " register a model that you have:</p><pre>./retune register-model --path"
                    + " FOLDER --champion true</pre>");
    return Layout.page("Retune", List.of(), next, viewer, now);
  }

  /** The page where something prevents any other: one sentence. */
  static String failure(String title, String sentence, Viewer viewer, Instant now) {
    return Layout.page(
        title,
        List.of(),
        Markup.of("<p class=\"warn\" role=\"alert\">{}</p>", sentence),
        viewer,
        now);
  }

  private static Markup needs(List<Summary> models, Viewer viewer, Instant now) {
    List<Markup> items =
        models.stream()
            .flatMap(
                model ->
                    model.needs(viewer, now).stream()
                        .map(
                            need ->
                                Markup.of(
                                    "<li>{}: {}</li>\n",
                                    Markup.link(Paths.model(model.model()), model.model()),
                                    need)))
            .toList();
    return Layout.section(
        "Needs a person",
        items.isEmpty()
            ? Markup.of("<p>Nothing.</p>\n")
            : Markup.of("<ul class=\"needs\">{}</ul>\n", items.stream().collect(Markup.joining())));
  }

  private static Markup card(Summary model) {
    return Markup.of(
        "<article>\n<h3>{}</h3>\n{}{}{}</article>\n",
        Markup.link(Paths.model(model.model()), model.model()),
        model.last().map(OverviewPage::verdict).orElseGet(OverviewPage::noVerdict),
        chart(model),
        facts(model));
  }

  /** The version in production, its health, drift and retraining. */
  static Markup facts(Summary model) {
    return Markup.of(
        "<dl>\n{}</dl>\n",
        Markup.join(
            fact("In production", production(model)),
            fact("Health", health(model)),
            fact("Drift", drift(model)),
            fact("Retraining", trigger(model)),
            fact("Last retraining", retraining(model))));
  }

  /** How a day ended, in words. */
  static Markup verdict(Reading.Day day) {
    return Markup.of(
        "<p class=\"verdict\">{} <span class=\"day\">{}</span></p>\n<p>{}</p>\n",
        Words.outcome(day.status()),
        day.date(),
        day.message());
  }

  /** Before the first day. */
  static Markup noVerdict() {
    return Markup.of(
        "<p>No day has been judged yet. Run the loop's first day, or wait for its schedule.</p>\n");
  }

  /** A fact of a list of facts. */
  static Markup fact(String name, Markup value) {
    return Markup.of("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
  }

  private static Markup production(Summary model) {
    String since = model.champion().deployedAt();
    Markup version =
        Markup.link(
            Paths.version(model.model(), model.champion().modelId()), model.champion().modelId());
    return since == null
        ? Markup.of("{}, not deployed yet", version)
        : Markup.of("{} since {}", version, Words.time(since));
  }

  /** Whether a prediction service that starts now gets the version, or answers without one. */
  private static Markup health(Summary model) {
    return model.hasWeights()
        ? Words.Tone.GOOD.badge("its weights are in the store")
        : Words.Tone.BAD.badge("fallback: its weights are not in the store");
  }

  /** The gate's metric of the version in production on the last days. */
  private static Markup chart(Summary model) {
    List<Reading.Day> days = model.days().reversed();
    if (days.size() < 2) {
      return Markup.NONE;
    }
    String metric = days.getLast().metric();
    List<Reading.Day> same =
        days.stream()
            .filter(day -> day.metric().equals(metric) && Double.isFinite(day.value()))
            .toList();
    String title = Metric.ofId(metric).title();
    Timeline timeline =
        new Timeline(
            "%s of the last %d days".formatted(title, same.size()),
            List.of(
                new Series(
                    title, same.stream().map(day -> new Point(day.date(), day.value())).toList())),
            same.stream().map(day -> new Point(day.date(), day.threshold())).toList(),
            List.of());
    if (timeline.isEmpty()) {
      return Markup.NONE;
    }
    Reading.Day last = same.getLast();
    return Markup.of(
        "<figure><figcaption>{} {}, limit {}</figcaption>{}</figure>\n",
        title,
        Chart.fixed(last.value()),
        Axis.label(last.threshold()),
        new Markup(timeline.small()));
  }

  private static Markup drift(Summary model) {
    Reading.Drift drift = model.drift();
    if (drift == null) {
      return Markup.text("no report on the last days");
    }
    String found =
        drift.detected()
            ? drift.findings().stream().findFirst().orElse("something has drifted")
            : "none in %d columns".formatted(drift.features());
    return Markup.of("{}: {}", Markup.link(Paths.drift(drift.id()), drift.date()), found);
  }

  private static Markup trigger(Summary model) {
    Document trigger = model.trigger();
    return trigger == null
        ? Markup.text("no trigger has been checked")
        : Markup.of(
            "{} ({})", trigger.getString("reason"), Words.time(trigger.getString("timestamp")));
  }

  private static Markup retraining(Summary model) {
    return Optional.ofNullable(model.retraining())
        .map(
            event ->
                Markup.of(
                    "{} {}, trigger {}",
                    Words.status(event.getString("status")),
                    Words.time(event.getString("timestamp")),
                    Words.plain(String.valueOf(event.getString("trigger")))))
        .orElseGet(() -> Markup.text("none yet"));
  }
}
