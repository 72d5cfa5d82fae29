package retune.steps.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.bson.Document;
import retune.runtime.TextPage;

/** An explanation of a version on one page. */
final class ExplanationPage {
  /** Daily verdicts on a champion that are shown; a version may have served for years. */
  private static final int DAYS_SHOWN = 10;

  private final TextPage page = new TextPage();

  private ExplanationPage() {}

  static String of(Explain.Output version) {
    ExplanationPage explanation = new ExplanationPage();
    explanation.version(version);
    explanation.data(version);
    version.verdicts().stream()
        .map(Document::new)
        .filter(verdict -> !isOfADay(verdict))
        .forEach(explanation::verdict);
    version.retrainings().stream().map(Document::new).forEach(explanation::retraining);
    explanation.questions(version);
    explanation.days(version);
    explanation.history(version);
    return explanation.page.toString();
  }

  private void version(Explain.Output version) {
    page.heading(version.modelId())
        .line("model", version.model() + ", version " + version.modelVersion())
        .line("status", version.status() + (version.inProduction() ? ", in production" : ""))
        .line("barred", version.barred())
        .line("calibrated", version.calibration());
    version.lineage().stream()
        .map(Document::new)
        .forEach(
            made ->
                page.line(
                    made.getString("model_id").equals(version.modelId()) ? "made by" : "from",
                    "%s%s, %s epochs at %s (%s)"
                        .formatted(
                            made.getString("model_id").equals(version.modelId())
                                ? ""
                                : made.getString("model_id") + ": ",
                            made.getString("strategy"),
                            made.get("epochs"),
                            Facts.plain(made.get("learning_rate")),
                            made.getString("status"))));
    version.hashes().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(hash -> page.line(hash.getKey(), hash.getValue()));
  }

  private void data(Explain.Output version) {
    page.heading("Trained on");
    page.line("content", String.valueOf(version.lineage().getFirst().get("trained_on")));
    for (Map<String, Object> map : version.splits()) {
      Document split = new Document(map);
      Document counts = split.get("counts", new Document());
      page.line("batch", split.getString("data_path"))
          .line("split", split.getString("_id"))
          .line(
              "rows",
              counts.entrySet().stream()
                  .map(count -> Facts.cell(count.getValue()) + " " + count.getKey())
                  .collect(Collectors.joining(", ")));
      split
          .get("hashes", new Document())
          .forEach((part, hash) -> page.line("  " + part, String.valueOf(hash)));
    }
    if (version.splits().isEmpty()) {
      page.paragraph("No batch of the store has this content: it is the hash of a file.");
    }
  }

  /** Whether the verdict is that of a day on the version in production. */
  private static boolean isOfADay(Document verdict) {
    return verdict.getString("model_id").equals(verdict.getString("champion_id"));
  }

  /** What a candidate was judged by. */
  private void verdict(Document verdict) {
    page.heading(
            "%s on %s, %s"
                .formatted(
                    capitalised(verdict.getString("status")),
                    verdict.getString("data_path"),
                    verdict.getInteger("attempt") > 0
                        ? "attempt " + verdict.get("attempt")
                        : "looked back"))
        .line("verdict", verdict.getString("_id"))
        .line("reason", verdict.getString("reason"))
        .line("rows judged", Facts.cell(verdict.get("rows")))
        .line("champion", verdict.getString("champion_id"))
        .line("batch content", verdict.getString("content_hash"));
    decidedFrom(verdict);
    page.line("run", Facts.run(verdict)).line("page", verdict.getString("run_url"));
    checks(verdict);
    metrics(verdict);
  }

  /** What the retraining that made the version judged it by. */
  private void retraining(Document judgement) {
    page.heading(
            "%s in %s"
                .formatted(
                    capitalised(judgement.getString("status")),
                    judgement.getString("retraining_id")))
        .line("judgement", judgement.getString("_id"))
        .line("reason", judgement.getString("reason"))
        .line("rows judged", Facts.cell(judgement.get("rows")))
        .line("champion", judgement.getString("champion_id"))
        .line("run", Facts.run(judgement))
        .line("page", judgement.getString("run_url"));
    checks(judgement);
    metrics(judgement);
  }

  private void decidedFrom(Document verdict) {
    verdict
        .get("key", new Document())
        .forEach((name, value) -> page.line(name.replace('_', ' '), Facts.shortHash(value)));
  }

  private void checks(Document verdict) {
    List<Document> checks = verdict.getList("checks", Document.class, List.of());
    if (checks.isEmpty()) {
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("check", "answer", "value", "limit", "interval", "rows"));
    for (Document check : checks) {
      String interval =
          check.containsKey("low")
              ? "%s to %s (%s)"
                  .formatted(
                      Facts.cell(check.get("low")),
                      Facts.cell(check.get("high")),
                      Facts.percent(check.getDouble("confidence")))
              : "-";
      rows.add(
          List.of(
              check.getString("name"),
              check.getString("answer"),
              Facts.cell(check.get("value")),
              Facts.cell(check.get("limit")),
              interval,
              Facts.cell(check.get("rows"))));
    }
    page.table(rows);
  }

  private void metrics(Document verdict) {
    Document ofChampion = verdict.get("champion_metrics", new Document());
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("metric", "candidate", "champion"));
    verdict
        .get("metrics", new Document())
        .forEach(
            (name, value) ->
                rows.add(List.of(name, Facts.cell(value), Facts.cell(ofChampion.get(name)))));
    page.table(rows);
  }

  /** What people were asked about the version, and what they answered. */
  private void questions(Explain.Output version) {
    for (Map<String, Object> map : version.questions()) {
      Document question = new Document(map);
      Document answer = question.get("answer", Document.class);
      page.heading("A person was asked for " + question.getString("logical_date"))
          .line("question", question.getString("_id"))
          .line("asked", question.getString("question"))
          .line("expires", question.getString("expires_at"))
          .line("run", Facts.run(question))
          .line("page", question.getString("run_url"));
      if (answer == null) {
        page.line("answer", "none");
      } else {
        page.line("answer", answer.getString("answer") + ", " + answer.getString("timestamp"))
            .line("  by", answer.getString("by"))
            .line("  reason", answer.getString("reason"))
            .line("  run", Facts.run(answer))
            .line("  page", answer.getString("run_url"));
      }
    }
  }

  /** The verdicts on the version while it was in production. */
  private void days(Explain.Output version) {
    List<Document> days =
        version.verdicts().stream().map(Document::new).filter(ExplanationPage::isOfADay).toList();
    if (days.isEmpty()) {
      return;
    }
    List<Document> shown = days.subList(Math.max(0, days.size() - DAYS_SHOWN), days.size());
    page.heading(
        "In production: %d daily verdict%s%s"
            .formatted(
                days.size(),
                days.size() == 1 ? "" : "s",
                shown.size() < days.size() ? ", the last %d".formatted(DAYS_SHOWN) : ""));
    shown.forEach(
        day ->
            page.line(
                day.getString("data_path").substring(version.model().length() + 1),
                "%s: %s".formatted(day.getString("status"), day.getString("reason"))));
  }

  private void history(Explain.Output version) {
    page.heading("Status");
    version.statusHistory().stream()
        .map(Document::new)
        .forEach(
            move ->
                page.line("to " + move.getString("to"), move.getString("timestamp"))
                    .line("  reason", move.getString("reason"))
                    .line("  run", Facts.run(move))
                    .line("  page", move.getString("run_url")));
    if (version.statusHistory().isEmpty()) {
      page.paragraph("The version was registered before moves of status were kept.");
    }
    version.deployments().stream()
        .map(Document::new)
        .forEach(
            event ->
                page.line(
                        event.getString("model_id").equals(version.modelId())
                            ? event
                                .getString("event_type")
                                .replaceFirst("^(model|version)_", "")
                                .replace('_', ' ')
                            : "followed by",
                        "%s%s"
                            .formatted(
                                event.getString("timestamp"),
                                event.getString("model_id").equals(version.modelId())
                                    ? ""
                                    : ", " + event.getString("model_id")))
                    .line("  by", event.getString("by"))
                    .line("  reason", event.getString("reason"))
                    .line("  run", Facts.run(event)));
  }

  private static String capitalised(String words) {
    String spaced = words.replace('_', ' ');
    return spaced.substring(0, 1).toUpperCase(Locale.ROOT) + spaced.substring(1);
  }
}
