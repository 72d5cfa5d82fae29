package retune.control.dashboard;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import retune.core.data.Hashing;
import retune.report.Html;
import retune.report.Timeline;

/** What all pages have in common. No page has a script or a style of its own. */
final class Layout {
  /** The style sheet of all pages. */
  static final String STYLE = Html.style() + Timeline.STYLE + own();

  /** Its path; the content is a part of it, so that browsers may keep it. */
  static final String STYLE_PATH =
      "/dashboard-"
          + Hashing.sha256(STYLE.getBytes(StandardCharsets.UTF_8)).substring(0, 12)
          + ".css";

  private static final Crumb HOME = new Crumb("/", "Retune");

  /** A page above this one. */
  record Crumb(String path, String name) {}

  private Layout() {}

  /**
   * A page.
   *
   * @param above the pages between the overview and this one
   * @param asOf when it was read
   */
  static String page(String title, List<Crumb> above, Markup body, Instant asOf) {
    boolean isHome = above.isEmpty() && title.equals(HOME.name);
    Markup crumbs =
        Stream.concat(Stream.of(HOME), above.stream())
            .map(crumb -> Markup.of("<li>{}</li>", Markup.link(crumb.path, crumb.name)))
            .collect(Markup.joining());
    return Markup.of(
            """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{}</title>
            <link rel="icon" href="data:,">
            <link rel="stylesheet" href="{}">
            </head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header>{}</header>
            <main id="main">
            <h1>{}</h1>
            {}</main>
            <footer><p>As of {}. Reload the page for news.</p></footer>
            </body>
            </html>
            """,
            isHome ? "Retune" : title + " · Retune",
            STYLE_PATH,
            isHome
                ? Markup.NONE
                : Markup.of("<nav aria-label=\"Pages above\"><ol>{}</ol></nav>", crumbs),
            title,
            body,
            Words.time(asOf))
        .html();
  }

  /** A section with a heading. */
  static Markup section(String heading, Markup content) {
    return Markup.of("<section>\n<h2>{}</h2>\n{}</section>\n", heading, content);
  }

  private static String own() {
    try (InputStream style = Layout.class.getResourceAsStream("dashboard.css")) {
      return new String(Objects.requireNonNull(style).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
