package retune.control.dashboard;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The page where a person logs in with a line of the token file. */
public final class LoginPage {
  private LoginPage() {}

  /**
   * The page.
   *
   * @param next the path of the page that follows
   * @param name that was given before
   * @param wrong what was wrong with it; null before the first try
   */
  public static String of(
      String next, String name, @Nullable String wrong, Viewer viewer, Instant now) {
    return Layout.page(
        "Log in",
        List.of(),
        Markup.join(
            wrong == null
                ? Markup.NONE
                : Markup.of("<p class=\"warn\" role=\"alert\">{}</p>\n", wrong),
            Markup.of(
                """
                <form class="act" method="post" action="{}">
                <input type="hidden" name="next" value="{}">
                <p><label for="name">Name</label>
                <input id="name" name="name" value="{}" required maxlength="200" autocomplete="username" autocapitalize="none" spellcheck="false"></p>
                <p><label for="token">Token</label>
                <input id="token" name="token" type="password" required maxlength="1000" autocomplete="current-password"></p>
                <p><button type="submit">Log in</button></p>
                </form>
                <p>Ask whoever runs this service for both: they are a line of its token file (<code>--token-file</code>). The name is recorded with everything that you do here.</p>
                """,
                Paths.LOGIN,
                next,
                name)),
        viewer,
        now);
  }
}
