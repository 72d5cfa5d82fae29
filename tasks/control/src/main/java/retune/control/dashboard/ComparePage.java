package retune.control.dashboard;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.Layout.Crumb;
import retune.control.dashboard.Markup.Heading;

/** Two versions of a model side by side: metrics, checks and what they were made from. */
final class ComparePage {
  static final String ONE = "one";
  static final String OTHER = "other";

  /** So many tell rows apart, and leave room for two. */
  private static final int HASH_DIGITS = 12;

  private final VersionFacts one;
  private final VersionFacts other;

  private ComparePage(VersionFacts one, VersionFacts other) {
    this.one = one;
    this.other = other;
  }

  static String of(VersionFacts one, VersionFacts other, Viewer viewer, Instant now) {
    ComparePage page = new ComparePage(one, other);
    return Layout.page(
        "Two versions of " + one.model(),
        List.of(
            new Crumb(Paths.model(one.model()), one.model()),
            new Crumb(Paths.versions(one.model()), "Versions")),
        Markup.join(page.standing(), page.metrics(), page.checks()),
        viewer,
        now);
  }

  private Markup standing() {
    return Layout.section(
        "Standing and lineage",
        Markup.table(
            "What each is, and what it was made from",
            headings("what"),
            List.of(
                row("status", ComparePage::status),
                row("registered", facts -> Words.time(facts.version().getString("created_at"))),
                row("made by", facts -> Markup.text(VersionPage.madeBy(facts.version()))),
                row("made from", ComparePage::lineage),
                row("trained on rows with the hash", ComparePage::data),
                row("notes", facts -> Markup.text(text(facts.version().getString("notes")))))));
  }

  private static Markup status(VersionFacts facts) {
    return Markup.of(
        "{}{}",
        Words.status(facts.version().getString("status")),
        facts.isInProduction() ? ", in production" : "");
  }

  private static Markup lineage(VersionFacts facts) {
    return facts.lineage().isEmpty()
        ? Markup.text("no other version")
        : facts.lineage().stream()
            .map(
                version ->
                    Markup.of(
                        "{}<br>",
                        Markup.link(
                            Paths.version(facts.model(), version.getString("_id")),
                            version.getString("_id"))))
            .collect(Markup.joining());
  }

  private static Markup data(VersionFacts facts) {
    String hash = text(facts.version().getString("trained_on"));
    return Markup.text(hash.substring(0, Math.min(HASH_DIGITS, hash.length())));
  }

  private Markup metrics() {
    Document first = one.version().get("metrics", new Document());
    Document second = other.version().get("metrics", new Document());
    Set<String> names = new TreeSet<>(first.keySet());
    names.addAll(second.keySet());
    return names.isEmpty()
        ? Markup.NONE
        : Layout.section(
            "Metrics when each was made",
            Markup.table(
                "Each on the rows that its training kept for it, which may not be the same rows",
                Stream.concat(numbers("metric").stream(), Stream.of(Heading.number("difference")))
                    .toList(),
                names.stream()
                    .map(
                        name ->
                            List.of(
                                Markup.text(Words.plain(name)),
                                Markup.text(VersionPage.metric(first.get(name))),
                                Markup.text(VersionPage.metric(second.get(name))),
                                Markup.text(difference(first.get(name), second.get(name)))))
                    .toList()));
  }

  private static String difference(@Nullable Object first, @Nullable Object second) {
    return first instanceof Number a && second instanceof Number b
        ? "%+.4f".formatted(b.doubleValue() - a.doubleValue())
        : "–";
  }

  /** The checks of each version's last verdict as a candidate. */
  private Markup checks() {
    Set<String> names = new LinkedHashSet<>();
    Stream.of(one, other)
        .flatMap(facts -> checks(facts).stream())
        .forEach(check -> names.add(check.getString("name")));
    if (names.isEmpty()) {
      return Markup.NONE;
    }
    List<List<Markup>> rows = new ArrayList<>();
    rows.add(row("judged", ComparePage::judged));
    names.forEach(name -> rows.add(row(Words.plain(name), facts -> check(facts, name))));
    return Layout.section(
        "Checks",
        Markup.table(
            "Of the last verdict on each beside the version in production of its day",
            headings("check"),
            rows));
  }

  private static Markup judged(VersionFacts facts) {
    return facts
        .asCandidate()
        .map(
            verdict ->
                Markup.of(
                    "{} {}",
                    Words.answer(verdict.getString("status")),
                    Words.time(verdict.getString("timestamp"))))
        .orElse(Markup.text("never beside another version"));
  }

  private static Markup check(VersionFacts facts, String name) {
    Optional<Document> found =
        checks(facts).stream().filter(check -> name.equals(check.getString("name"))).findFirst();
    return found
        .map(
            check ->
                Markup.of(
                    "{}<br>{}",
                    Words.answer(check.getString("answer")),
                    check.getString("sentence")))
        .orElse(Markup.text("–"));
  }

  private static List<Document> checks(VersionFacts facts) {
    return facts
        .asCandidate()
        .map(verdict -> verdict.getList("checks", Document.class, List.of()))
        .orElse(List.of());
  }

  private List<Markup> row(String name, Function<VersionFacts, Markup> cell) {
    return List.of(Markup.text(name), cell.apply(one), cell.apply(other));
  }

  private List<Heading> headings(String first) {
    return List.of(
        Heading.text(first), Heading.sentences(one.modelId()), Heading.sentences(other.modelId()));
  }

  private List<Heading> numbers(String first) {
    return List.of(
        Heading.text(first), Heading.number(one.modelId()), Heading.number(other.modelId()));
  }

  private static String text(@Nullable String text) {
    return text == null || text.isEmpty() ? "–" : text;
  }
}
