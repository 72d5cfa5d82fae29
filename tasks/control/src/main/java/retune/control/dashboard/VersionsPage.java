package retune.control.dashboard;

import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.bson.Document;
import retune.control.dashboard.Layout.Crumb;
import retune.control.dashboard.Markup.Heading;
import retune.core.judgement.VersionStatus;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;

/** All versions of a model, or those of a status or with a text. */
final class VersionsPage {
  private static final String STATUS = "status";
  private static final String TEXT = "text";

  /** Rows that a page shows. */
  private static final int MOST = 200;

  private VersionsPage() {}

  /**
   * The page.
   *
   * @param versions all of the model, the newest first
   * @throws Refusal 400 if the query names no status
   */
  static String of(String model, List<Document> versions, Query query, Viewer viewer, Instant now) {
    Optional<String> status = query.find(STATUS);
    if (status.isPresent() && !statuses().contains(status.get())) {
      throw new Refusal(
          400,
          "'status' is '%s'; choose one of %s."
              .formatted(status.get(), String.join(", ", statuses())));
    }
    String text = query.find(TEXT).orElse("").strip();
    List<Document> found =
        versions.stream()
            .filter(version -> status.isEmpty() || status.get().equals(version.getString(STATUS)))
            .filter(version -> contains(version, text))
            .toList();
    List<Document> shown = found.subList(0, Math.min(MOST, found.size()));
    return Layout.page(
        "Versions of " + model,
        List.of(new Crumb(Paths.model(model), model)),
        Markup.join(
            filter(model, status.orElse(""), text, query.find(ComparePage.ONE)),
            shown.isEmpty()
                ? Markup.of("<p>None of the {} versions is like that.</p>\n", versions.size())
                : comparison(
                    model,
                    "%d of %d versions, the newest first".formatted(shown.size(), versions.size()),
                    List.of(
                        Heading.text("compare"),
                        Heading.text("version"),
                        Heading.text("status"),
                        Heading.text("registered"),
                        Heading.text("made by"),
                        Heading.number("macro F1"),
                        Heading.number("ROC AUC"),
                        Heading.text("made from")),
                    shown.stream()
                        .map(version -> row(model, version, query.find(ComparePage.ONE)))
                        .toList())),
        viewer,
        now);
  }

  static List<String> statuses() {
    return Stream.of(VersionStatus.values()).map(VersionStatus::id).toList();
  }

  private static boolean contains(Document version, String text) {
    String wanted = text.toLowerCase(Locale.ROOT);
    return Stream.of(
            version.getString("_id"),
            VersionPage.madeBy(version),
            String.valueOf(version.getString("notes")))
        .anyMatch(part -> part.toLowerCase(Locale.ROOT).contains(wanted));
  }

  private static Markup filter(String model, String status, String text, Optional<String> one) {
    return Markup.of(
        """
        <form class="act line" method="get" action="{}">{}
        <p><label for="status">Status</label>
        <select id="status" name="{}"><option value="">any</option>{}</select></p>
        <p><label for="text">Id, notes or how it was made</label>
        <input id="text" name="{}" value="{}" maxlength="200"></p>
        <p><button type="submit">Show</button></p>
        </form>
        """,
        Paths.versions(model),
        one.map(id -> Markup.hidden(ComparePage.ONE, id)).orElse(Markup.NONE),
        STATUS,
        statuses().stream()
            .map(
                known ->
                    Markup.of(
                        "<option value=\"{}\"{}>{}</option>",
                        known,
                        known.equals(status) ? new Markup(" selected") : Markup.NONE,
                        known))
            .collect(Markup.joining()),
        TEXT,
        text);
  }

  /** A table whose rows can be chosen, two of them. */
  private static Markup comparison(
      String model, String caption, List<Heading> headings, List<List<Markup>> rows) {
    return Markup.of(
        """
        <form method="get" action="{}">{}
        <p><button type="submit">Compare the two chosen</button></p>
        </form>
        """,
        Paths.compare(model),
        Markup.table(caption, headings, rows));
  }

  private static Markup choice(String name, String id, boolean isChosen) {
    return Markup.of(
        "<input type=\"radio\" name=\"{}\" value=\"{}\" aria-label=\"{}: {}\" required{}>",
        name,
        id,
        name,
        id,
        isChosen ? new Markup(" checked") : Markup.NONE);
  }

  private static List<Markup> row(String model, Document version, Optional<String> one) {
    String id = version.getString("_id");
    Document metrics = version.get("metrics", new Document());
    String parent = version.getString("finetuned_from");
    return List.of(
        Markup.of(
            "{} {}",
            choice(ComparePage.ONE, id, one.filter(id::equals).isPresent()),
            choice(ComparePage.OTHER, id, false)),
        Markup.link(Paths.version(model, id), id),
        Words.status(version.getString(STATUS)),
        Words.time(version.getString("created_at")),
        Markup.text(VersionPage.madeBy(version)),
        Markup.text(VersionPage.metric(metrics.get("f1_macro"))),
        Markup.text(VersionPage.metric(metrics.get("roc_auc"))),
        parent == null ? Markup.text("–") : Markup.link(Paths.version(model, parent), parent));
  }
}
