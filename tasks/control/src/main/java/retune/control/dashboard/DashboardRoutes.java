package retune.control.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.bson.Document;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;

/** The pages that people read, and the reports that they link to. Every error is a page, too. */
public final class DashboardRoutes implements Route.Group {
  /**
   * A kept report is a document of its own without an origin: it has its style within it, and its
   * own policy forbids all else.
   */
  private static final String REPORT_POLICY =
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors"
          + " 'none'";

  /** Days whose queries are counted. */
  private static final int QUERY_DAYS = 14;

  private final StepContext context;
  private final Pages pages;
  private final Function<HttpExchange, Viewer> viewers;
  private final Remembered<Schedule> schedules;

  /** The embedded store reads the whole query log to count it. */
  private final Remembered<Map<LocalDate, Long>> queries;

  /**
   * The pages of a store.
   *
   * @param viewers tells who looks at a page
   * @param schedules what runs the loop of a model by itself
   */
  public DashboardRoutes(
      StepContext context, Function<HttpExchange, Viewer> viewers, Remembered<Schedule> schedules) {
    this.context = context;
    this.pages = new Pages(context.clock());
    this.viewers = viewers;
    this.schedules = schedules;
    this.queries =
        new Remembered<>(
            context.clock(),
            model ->
                new Reading(context.store())
                    .queries(
                        model,
                        LocalDate.ofInstant(context.clock().instant(), ZoneOffset.UTC)
                            .minusDays(QUERY_DAYS - 1L)));
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/", (exchange, _) -> page("Retune", exchange, this::overview)),
        Route.get(
            "/models/{model}",
            (exchange, words) ->
                page(
                    word(words, "model"),
                    exchange,
                    (viewer, now) -> model(exchange, words, viewer, now))),
        Route.get(
            "/models/{model}/versions/{version}",
            (exchange, words) ->
                page(
                    word(words, "version"),
                    exchange,
                    (viewer, now) -> version(words, viewer, now))),
        Route.get(
            "/models/{model}/versions",
            (exchange, words) ->
                page(
                    "Versions", exchange, (viewer, now) -> versions(exchange, words, viewer, now))),
        Route.get(
            "/models/{model}/compare",
            (exchange, words) ->
                page(
                    "Two versions",
                    exchange,
                    (viewer, now) -> compare(exchange, words, viewer, now))),
        Route.get("/reports/comparison", (exchange, _) -> report(exchange, "comparison_reports")),
        Route.get("/reports/drift", (exchange, _) -> report(exchange, "drift_reports")),
        Route.get(Layout.STYLE_PATH, (_, _) -> kept("text/css", Layout.STYLE)),
        Route.get(Layout.SCRIPT_PATH, (_, _) -> kept("text/javascript", Layout.SCRIPT)));
  }

  private String overview(Viewer viewer, Instant now) {
    Reading reading = new Reading(context.store());
    List<String> models = reading.models();
    return models.isEmpty()
        ? OverviewPage.empty(reading.hasVersions(), viewer, now)
        : OverviewPage.of(
            models.parallelStream().map(model -> Summary.read(context, model)).toList(),
            viewer,
            now);
  }

  private String model(
      HttpExchange exchange, Map<String, String> words, Viewer viewer, Instant now) {
    String model = word(words, "model");
    if (!new Reading(context.store()).models().contains(model)) {
      throw new Refusal(
          404, "There is no model '%s' in production; the overview lists those.".formatted(model));
    }
    int days = Query.of(exchange).find("days").map(DashboardRoutes::days).orElse(90);
    return ModelPage.of(
        ModelHistory.read(context, model, ModelPage.span(days)),
        new Panels(
            viewer.can().start() ? schedules.get(model) : Optional.empty(),
            queries.get(model).orElse(Map.of())),
        viewer,
        now);
  }

  private static int days(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new Refusal(400, "'days' is '%s'; give a number of days.".formatted(text));
    }
  }

  private String version(Map<String, String> words, Viewer viewer, Instant now) {
    return VersionPage.of(facts(word(words, "model"), word(words, "version")), viewer, now);
  }

  private VersionFacts facts(String model, String version) {
    return VersionFacts.read(context, model, version)
        .orElseThrow(
            () ->
                new Refusal(
                    404,
                    "There is no version '%s' of '%s'; the page of the model lists them."
                        .formatted(version, model)));
  }

  private String versions(
      HttpExchange exchange, Map<String, String> words, Viewer viewer, Instant now) {
    String model = word(words, "model");
    List<Document> versions = new Reading(context.store()).versions(model);
    if (versions.isEmpty()) {
      throw new Refusal(404, "There is no version of '%s'.".formatted(model));
    }
    return VersionsPage.of(model, versions, Query.of(exchange), viewer, now);
  }

  private String compare(
      HttpExchange exchange, Map<String, String> words, Viewer viewer, Instant now) {
    String model = word(words, "model");
    Query query = Query.of(exchange);
    return ComparePage.of(
        facts(model, versionOf(query, ComparePage.ONE)),
        facts(model, versionOf(query, ComparePage.OTHER)),
        viewer,
        now);
  }

  private static String versionOf(Query query, String name) {
    return query
        .find(name)
        .orElseThrow(
            () ->
                new Refusal(
                    400,
                    "Name two versions: '?%s=' and '&%s='."
                        .formatted(ComparePage.ONE, ComparePage.OTHER)));
  }

  private Answer report(HttpExchange exchange, String collection) {
    return pages.answer(
        "Report",
        viewers.apply(exchange),
        REPORT_POLICY,
        _ -> {
          String id =
              Query.of(exchange)
                  .find("id")
                  .orElseThrow(() -> new Refusal(400, "Name the report: '?id=' and its id."));
          return new Reading(context.store())
              .html(collection, id)
              .orElseThrow(
                  () -> new Refusal(404, "The store keeps no report '%s' any more.".formatted(id)));
        });
  }

  /** A file whose path changes with its content. */
  private static Answer kept(String type, String content) {
    return new Answer(200, type + "; charset=utf-8", content.getBytes(UTF_8))
        .with("Cache-Control", "public, max-age=31536000, immutable");
  }

  private Answer page(
      String title, HttpExchange exchange, BiFunction<Viewer, Instant, String> content) {
    Viewer viewer = viewers.apply(exchange);
    return pages.answer(title, viewer, now -> content.apply(viewer, now));
  }

  private static String word(Map<String, String> words, String name) {
    return Optional.ofNullable(words.get(name)).orElseThrow();
  }
}
