package retune.control.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Clock;
import java.time.Instant;
import java.util.function.Function;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.store.DocumentStore;

/** Answers with a page. Every error is a page, too. */
public final class Pages {
  /** Pages load their style sheet and their script, which reads pages of this service alone. */
  static final String POLICY =
      "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'"
          + " data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

  private static final String HTML = "text/html; charset=utf-8";

  private final Clock clock;

  public Pages(Clock clock) {
    this.clock = clock;
  }

  /**
   * A page, or one with the sentence of what prevents it.
   *
   * @param title of the page that says what prevents it
   * @param content makes the HTML
   */
  public Answer answer(String title, Viewer viewer, Function<Instant, String> content) {
    return answer(title, viewer, POLICY, content);
  }

  Answer answer(String title, Viewer viewer, String policy, Function<Instant, String> content) {
    Instant now = clock.instant();
    try {
      return html(200, content.apply(now), policy);
    } catch (Refusal refusal) {
      return failure(refusal.status(), title, refusal.sentence(), viewer);
    } catch (RuntimeException e) {
      return switch (DocumentStore.explain(e)) {
        case NotReadyException down ->
            failure(503, title, String.valueOf(down.getMessage()), viewer);
        case InvalidInputException wrong ->
            failure(422, title, String.valueOf(wrong.getMessage()), viewer);
        case RuntimeException other -> throw other;
      };
    }
  }

  /** The page where something prevents any other: one sentence. */
  public Answer failure(int status, String title, String sentence, Viewer viewer) {
    return html(status, OverviewPage.failure(title, sentence, viewer, clock.instant()), POLICY);
  }

  /** A page that is there. */
  public static Answer html(int status, String html) {
    return html(status, html, POLICY);
  }

  private static Answer html(int status, String html, String policy) {
    return new Answer(status, HTML, Refusal.wellFormed(html).getBytes(UTF_8))
        .with("Content-Security-Policy", policy)
        // With 'no-referrer', browsers hide where a form of this very page comes from.
        .with("Referrer-Policy", "same-origin");
  }

  /** Leads a browser to a page of this service. */
  public static Answer redirect(String path) {
    return new Answer(303, "text/plain; charset=utf-8", new byte[0]).with("Location", path);
  }
}
