package retune.control.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import retune.runtime.store.DocumentStore;

/** The pages that people read, and the reports that they link to. Every error is a page, too. */
public final class DashboardRoutes implements Route.Group {
  private static final String HTML = "text/html; charset=utf-8";

  /** Pages load their style sheet and their script, which reads pages of this service alone. */
  private static final String PAGE_POLICY =
      "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'"
          + " data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

  /**
   * A kept report is a document of its own without an origin: it has its style within it, and its
   * own policy forbids all else.
   */
  private static final String REPORT_POLICY =
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors"
          + " 'none'";

  private static final String POLICY = "Content-Security-Policy";

  private final StepContext context;

  public DashboardRoutes(StepContext context) {
    this.context = context;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/", (_, _) -> page("Retune", this::overview)),
        Route.get(
            "/models/{model}",
            (exchange, words) -> page(word(words, "model"), now -> model(exchange, words, now))),
        Route.get(
            "/models/{model}/versions/{version}",
            (_, words) -> page(word(words, "version"), now -> version(words, now))),
        Route.get("/reports/comparison", (exchange, _) -> report(exchange, "comparison_reports")),
        Route.get("/reports/drift", (exchange, _) -> report(exchange, "drift_reports")),
        Route.get(Layout.STYLE_PATH, (_, _) -> kept("text/css", Layout.STYLE)),
        Route.get(Layout.SCRIPT_PATH, (_, _) -> kept("text/javascript", Layout.SCRIPT)));
  }

  private String overview(Instant now) {
    Reading reading = new Reading(context.store());
    List<String> models = reading.models();
    return models.isEmpty()
        ? OverviewPage.empty(reading.hasVersions(), now)
        : OverviewPage.of(
            models.parallelStream().map(model -> Summary.read(context, model)).toList(), now);
  }

  private String model(HttpExchange exchange, Map<String, String> words, Instant now) {
    String model = word(words, "model");
    if (!new Reading(context.store()).models().contains(model)) {
      throw new Refusal(
          404, "There is no model '%s' in production; the overview lists those.".formatted(model));
    }
    int days = Query.of(exchange).find("days").map(DashboardRoutes::days).orElse(90);
    return ModelPage.of(ModelHistory.read(context, model, ModelPage.span(days)), now);
  }

  private static int days(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new Refusal(400, "'days' is '%s'; give a number of days.".formatted(text));
    }
  }

  private String version(Map<String, String> words, Instant now) {
    String model = word(words, "model");
    String version = word(words, "version");
    return VersionFacts.read(context, model, version)
        .map(facts -> VersionPage.of(facts, now))
        .orElseThrow(
            () ->
                new Refusal(
                    404,
                    "There is no version '%s' of '%s'; the model's page lists the last ones."
                        .formatted(version, model)));
  }

  private Answer report(HttpExchange exchange, String collection) {
    return answer(
        "Report",
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

  private Answer page(String title, Function<Instant, String> content) {
    return answer(title, PAGE_POLICY, content);
  }

  /** A page, or one with the sentence of what prevents it. */
  private Answer answer(String title, String policy, Function<Instant, String> content) {
    Instant now = context.clock().instant();
    try {
      return html(200, content.apply(now), policy);
    } catch (Refusal refusal) {
      return failure(refusal.status(), title, refusal.sentence(), now);
    } catch (RuntimeException e) {
      return switch (DocumentStore.explain(e)) {
        case NotReadyException down -> failure(503, title, String.valueOf(down.getMessage()), now);
        case InvalidInputException wrong ->
            failure(422, title, String.valueOf(wrong.getMessage()), now);
        case RuntimeException other -> throw other;
      };
    }
  }

  private static Answer failure(int status, String title, String sentence, Instant now) {
    return html(status, OverviewPage.failure(title, sentence, now), PAGE_POLICY);
  }

  private static Answer html(int status, String html, String policy) {
    return new Answer(status, HTML, Refusal.wellFormed(html).getBytes(UTF_8)).with(POLICY, policy);
  }

  private static String word(Map<String, String> words, String name) {
    return Optional.ofNullable(words.get(name)).orElseThrow();
  }
}
