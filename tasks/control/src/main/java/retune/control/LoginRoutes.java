package retune.control;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import retune.control.Sessions.Session;
import retune.control.dashboard.LoginPage;
import retune.control.dashboard.Pages;
import retune.control.dashboard.Paths;
import retune.control.dashboard.Viewer;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import retune.runtime.http.Tokens;

/** Logging in and out on the pages. */
final class LoginRoutes implements Route.Group {
  private static final Logger LOG = System.getLogger(LoginRoutes.class.getName());
  private static final String TITLE = "Log in";

  private final StepContext context;
  private final Pages pages;
  private final Tokens tokens;
  private final Sessions sessions;
  private final Forms forms;

  LoginRoutes(StepContext context, Tokens tokens, Sessions sessions, Forms forms) {
    this.context = context;
    pages = new Pages(context.clock());
    this.tokens = tokens;
    this.sessions = sessions;
    this.forms = forms;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get(Paths.LOGIN, (exchange, _) -> page(exchange)),
        Route.post(Paths.LOGIN, Route.OTHER, (exchange, _) -> logIn(exchange)),
        Route.post(Paths.LOGOUT, Route.OTHER, (exchange, _) -> logOut(exchange)));
  }

  private Answer page(HttpExchange exchange) {
    Viewer viewer = sessions.viewer(exchange);
    return pages.answer(
        TITLE,
        viewer,
        now -> {
          if (!viewer.can().steer()) {
            tokens.logIn(exchange, "", ""); // says how to make tokens
          }
          return LoginPage.of(next(Query.of(exchange)), "", null, viewer, now);
        });
  }

  private Answer logIn(HttpExchange exchange) throws IOException {
    Viewer viewer = sessions.viewer(exchange);
    Query form;
    try {
      Sessions.requireOwnPage(exchange);
      form = forms.read(exchange);
    } catch (Refusal refusal) {
      return pages.failure(refusal.status(), TITLE, refusal.sentence(), viewer);
    }
    String name = form.find("name").orElse("").strip();
    try {
      Tokens.Entry line =
          tokens.logIn(exchange, name, form.find("token").map(String::strip).orElse(""));
      sessions.end(exchange);
      LOG.log(Level.INFO, "{0} logged in", name);
      return Pages.redirect(next(form)).with("Set-Cookie", sessions.begin(exchange, line));
    } catch (Refusal refusal) {
      return Pages.html(
          refusal.status(),
          LoginPage.of(next(form), name, refusal.sentence(), viewer, context.clock().instant()));
    }
  }

  private Answer logOut(HttpExchange exchange) throws IOException {
    Viewer viewer = sessions.viewer(exchange);
    try {
      Session session = forms.sent(exchange).session();
      LOG.log(Level.INFO, "{0} logged out", session.name());
      return Pages.redirect("/").with("Set-Cookie", sessions.end(exchange));
    } catch (Refusal refusal) {
      return pages.failure(refusal.status(), "Log out", refusal.sentence(), viewer);
    }
  }

  /** The page to go to, which is one of this service whatever a link says. */
  private static String next(Query query) {
    return query
        .find("next")
        .filter(path -> path.matches("/([!-\\[\\]-~&&[^/]][!-\\[\\]-~]*)?"))
        .orElse("/");
  }
}
