package retune.control;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;
import retune.control.Sessions.Session;
import retune.control.dashboard.Viewer;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import retune.runtime.http.RequestBodies;

/** The forms that pages of this service send. */
final class Forms {
  private static final int MOST_BYTES = 64 << 10;
  private static final String TYPE = "application/x-www-form-urlencoded";

  /** A form of somebody who is logged in. */
  record Sent(Session session, Query fields) {}

  private final Sessions sessions;
  private final RequestBodies bodies =
      new RequestBodies(Runtime.getRuntime().maxMemory(), MOST_BYTES, "shorten the texts");

  Forms(Sessions sessions) {
    this.sessions = sessions;
  }

  /**
   * The form of a session; its body is read last.
   *
   * @throws Refusal 401 if nobody is logged in, 403 if the form is not one of this session's pages,
   *     413 if it is too large, 415 if it is no form
   */
  Sent sent(HttpExchange exchange) throws IOException {
    Sessions.requireOwnPage(exchange);
    Session session =
        sessions
            .find(exchange)
            .orElseThrow(
                () ->
                    new Refusal(
                        401,
                        "Nobody is logged in any more, so nothing was done. Log in, and press the"
                            + " button again."));
    Query fields = read(exchange);
    Sessions.requireOwnForm(session, fields.find(Viewer.FORM_KEY));
    return new Sent(session, fields);
  }

  /** The fields of a form, whoever sent it. */
  Query read(HttpExchange exchange) throws IOException {
    String type =
        Optional.ofNullable(exchange.getRequestHeaders().getFirst("Content-Type")).orElse("");
    if (!type.toLowerCase(Locale.ROOT).startsWith(TYPE)) {
      throw new Refusal(415, "A form is sent as %s, not as '%s'.".formatted(TYPE, type));
    }
    return bodies.read(exchange, bytes -> Query.of(new String(bytes, US_ASCII)));
  }
}
