package retune.control;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.control.Sessions.Session;
import retune.control.dashboard.ActionPage;
import retune.control.dashboard.Button;
import retune.control.dashboard.Pages;
import retune.control.dashboard.Paths;
import retune.control.dashboard.Remembered;
import retune.control.dashboard.Schedule;
import retune.control.dashboard.Viewer;
import retune.control.dashboard.Viewer.Said;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The pages' buttons. Each makes the same call as a program, and is recorded as that is. */
final class ActionRoutes implements Route.Group {
  private static final String PATH = "/models/{model}/actions/{action}";

  private final StepContext context;
  private final Models models;
  private final Changes changes;
  private final Remembered<Schedule> schedules;
  private final Sessions sessions;
  private final Forms forms;
  private final Pages pages;

  ActionRoutes(
      StepContext context,
      Models models,
      Changes changes,
      Remembered<Schedule> schedules,
      Sessions sessions,
      Forms forms) {
    this.context = context;
    this.models = models;
    this.changes = changes;
    this.schedules = schedules;
    this.sessions = sessions;
    this.forms = forms;
    this.pages = new Pages(context.clock());
  }

  @Override
  public List<Route> routes() {
    return List.of(Route.get(PATH, this::page), Route.post(PATH, Route.OTHER, this::press));
  }

  private Answer page(HttpExchange exchange, Map<String, String> words) {
    Viewer viewer = sessions.viewer(exchange);
    if (viewer.name() == null) {
      return Pages.redirect(Paths.logIn(viewer.here()));
    }
    return pages.answer(
        "Steer",
        viewer,
        now ->
            ActionPage.of(
                context,
                button(words),
                models.chosen(Optional.ofNullable(words.get("model"))),
                Query.of(exchange).find(Button.SUBJECT),
                viewer,
                now));
  }

  private Answer press(HttpExchange exchange, Map<String, String> words) throws IOException {
    Button button;
    Forms.Sent sent;
    String model;
    try {
      button = button(words);
      sent = forms.sent(exchange);
      model = models.chosen(Optional.ofNullable(words.get("model")));
    } catch (RuntimeException e) {
      Refusal refusal = StoreFailures.refusal(e);
      return pages.failure(
          refusal.status(), "Steer", refusal.sentence(), sessions.viewer(exchange));
    }
    Session session = sent.session();
    Said said;
    try {
      said = said(button, call(button, model, session.name(), sent.fields()));
    } catch (RuntimeException e) {
      said = new Said(false, StoreFailures.refusal(e).sentence(), null);
    }
    schedules.forget(model);
    return Pages.redirect(
        after(button, model, sent.fields()) + "?" + Viewer.SAID + "=" + session.say(said));
  }

  /** The call that a program would make for the same. */
  private JsonNode call(Button button, String model, String by, Query form) {
    String subject = form.find(Button.SUBJECT).orElse(null);
    String reason = form.find(Button.REASON).map(String::strip).orElse(null);
    if (button.asksReason() && reason == null) {
      throw new Refusal(400, "Say why; the record keeps it. Nothing was done.");
    }
    ObjectNode body = Json.MAPPER.createObjectNode();
    String path =
        switch (button) {
          case RETRAIN -> {
            body.put("force_retrain", form.find(Button.FORCE).isPresent());
            yield "/retrain";
          }
          case ROLL_BACK -> {
            put(body, "version_id", subject);
            put(body, "replaces", form.find(Button.CHAMPION).orElse(null));
            put(body, "reason", reason);
            yield "/retrain/rollback";
          }
          case DEPLOY -> {
            put(body, "version_id", subject);
            yield "/retrain/deploy";
          }
          case APPROVE, REJECT -> {
            put(body, "request_id", subject);
            put(body, "reason", reason);
            yield "/" + button.word();
          }
          case PAUSE -> "/scheduler/stop";
          case RESUME -> "/scheduler/start";
          case ACKNOWLEDGE -> {
            put(body, "alert_id", subject);
            put(body, "reason", reason);
            yield "/alerts/acknowledge";
          }
          case TRY -> {
            put(body, "version_id", subject);
            body.put("fraction", fraction(form));
            put(body, "reason", reason);
            yield "/retrain/abtest/start";
          }
          case PROMOTE, ABORT -> {
            put(body, "version_id", subject);
            put(body, "reason", reason);
            yield button == Button.PROMOTE ? "/retrain/abtest/promote" : "/retrain/abtest/stop";
          }
        };
    return Json.MAPPER.readTree(changes.press(path, model, by, body).body());
  }

  private static double fraction(Query form) {
    String text = form.find(Button.FRACTION).orElse("0");
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new Refusal(400, "The share '%s' is not a number. Nothing was done.".formatted(text));
    }
  }

  private static void put(ObjectNode body, String field, @Nullable String value) {
    if (value != null) {
      body.put(field, value);
    }
  }

  /** What was done, as a sentence. */
  private static Said said(Button button, JsonNode answer) {
    String version = answer.path("version").asString("");
    boolean isDone = !answer.path("status").asString("").equals("started");
    String sentence =
        switch (button) {
          case RETRAIN -> "A retraining has started.";
          case ROLL_BACK ->
              isDone
                  ? version + " is in production again."
                  : "The rollback to %s has started and is not done yet.".formatted(version);
          case DEPLOY ->
              isDone
                  ? version + " is in production."
                  : "The deployment of %s has started.".formatted(version);
          case PAUSE -> "The schedule is paused.";
          case RESUME -> "The schedule is on again.";
          case APPROVE, REJECT, ACKNOWLEDGE, TRY, PROMOTE, ABORT ->
              answer.required("message").stringValue();
        };
    return new Said(true, sentence, answer.path("url").asString(null));
  }

  /** The page that shows what the button has changed. */
  private static String after(Button button, String model, Query form) {
    return switch (button) {
      case ROLL_BACK, DEPLOY ->
          form.find(Button.SUBJECT)
              .map(version -> Paths.version(model, version))
              .orElseGet(() -> Paths.model(model));
      default -> Paths.model(model);
    };
  }

  private static Button button(Map<String, String> words) {
    String word = String.valueOf(words.get("action"));
    return Button.of(word)
        .orElseThrow(() -> new Refusal(404, "There is no button '%s'.".formatted(word)));
  }
}
