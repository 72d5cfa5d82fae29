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

/**
 * What all pages have in common. No page has a script or a style of its own. The common script
 * takes over news; without it, the pages are the same.
 */
final class Layout {
  /** The style sheet of all pages. */
  static final String STYLE = Html.style() + Timeline.STYLE + resource("dashboard.css");

  /** Its path; the content is a part of it, so that browsers may keep it. */
  static final String STYLE_PATH = "/dashboard-" + digest(STYLE) + ".css";

  /** The script of all pages. */
  static final String SCRIPT = resource("dashboard.js");

  /** Its path, as of the style sheet. */
  static final String SCRIPT_PATH = "/dashboard-" + digest(SCRIPT) + ".js";

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
  static String page(String title, List<Crumb> above, Markup body, Viewer viewer, Instant asOf) {
    boolean isHome = above.isEmpty() && title.equals(HOME.name);
    Markup crumbs =
        Stream.concat(Stream.of(HOME), above.stream())
            .map(crumb -> Markup.of("<li>{}</li>", Markup.link(crumb.path, crumb.name)))
            .collect(Markup.joining());
    Markup said = said(viewer);
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
            <script src="{}" defer></script>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header>{}{}</header>
            <main id="main" data-content="{}">
            <h1>{}</h1>
            {}{}</main>
            <footer><p id="as-of">As of {}.</p><p id="news" role="status"></p></footer>
            </body>
            </html>
            """,
            isHome ? "Retune" : title + " · Retune",
            STYLE_PATH,
            SCRIPT_PATH,
            isHome
                ? Markup.NONE
                : Markup.of("<nav aria-label=\"Pages above\"><ol>{}</ol></nav>", crumbs),
            account(viewer),
            digest(said.html() + body.html()),
            title,
            said,
            body,
            Words.time(asOf))
        .html();
  }

  /** Who is logged in, and how to log in or out; nothing where nobody may steer. */
  private static Markup account(Viewer viewer) {
    if (!viewer.can().steer()) {
      return Markup.NONE;
    }
    String name = viewer.name();
    if (name == null && viewer.here().startsWith(Paths.LOGIN)) {
      return Markup.NONE;
    }
    return name == null
        ? Markup.of(
            "<p class=\"account\">{}</p>", Markup.link(Paths.logIn(viewer.here()), "Log in"))
        : Markup.of(
            "<form class=\"account\" method=\"post\" action=\"{}\">{}<span>{}</span> <button"
                + " type=\"submit\">Log out</button></form>",
            Paths.LOGOUT,
            viewer.formField(),
            name);
  }

  /** What came of the button that led to the page. */
  private static Markup said(Viewer viewer) {
    Viewer.Said said = viewer.said();
    return said == null
        ? Markup.NONE
        : Markup.of(
            "<p class=\"{}\" role=\"{}\">{}{}</p>\n",
            said.isDone() ? "done" : "warn",
            said.isDone() ? "status" : "alert",
            said.sentence(),
            said.url() == null
                ? Markup.NONE
                : Markup.of(" {}", outside(said.url(), "See its run.")));
  }

  /** A link to a page of another service; the text alone where it is none of the web. */
  static Markup outside(String url, String text) {
    return url.startsWith("https://") || url.startsWith("http://")
        ? Markup.link(url, text)
        : Markup.text(text);
  }

  /** A section with a heading. */
  static Markup section(String heading, Markup content) {
    return Markup.of("<section>\n<h2>{}</h2>\n{}</section>\n", heading, content);
  }

  private static String digest(String content) {
    return Hashing.sha256(content).substring(0, 12);
  }

  private static String resource(String name) {
    try (InputStream content = Layout.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(content).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
