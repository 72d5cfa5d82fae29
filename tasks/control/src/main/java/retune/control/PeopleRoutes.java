package retune.control;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.control.LoopRuntime.Started;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.judgement.ApprovalAnswer;
import retune.judgement.ApprovalRequest;
import retune.judgement.DayOutcome;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import tools.jackson.databind.JsonNode;

/** What waits for a person: questions are answered, alerts are acknowledged. */
final class PeopleRoutes implements Route.Group {
  private static final String QUESTION = "request_id";
  private static final String ALERT = "alert_id";
  private static final String REASON = "reason";
  private static final String ACKNOWLEDGEMENTS = "alert_acknowledgements";

  private final StepContext context;
  private final LoopRuntime runtime;
  private final Changes changes;
  private final Turns turns;

  PeopleRoutes(StepContext context, LoopRuntime runtime, Changes changes) {
    this.context = context;
    this.runtime = runtime;
    this.changes = changes;
    this.turns = new Turns(context);
  }

  @Override
  public List<Route> routes() {
    List<String> answer = List.of(QUESTION, REASON);
    return List.of(
        changes.route("/approve", answer, turns.oneAtATime(this::approve)),
        changes.route("/reject", answer, turns.oneAtATime(this::reject)),
        changes.route("/alerts/acknowledge", List.of(ALERT, REASON), this::acknowledge));
  }

  /**
   * Approves the version of a question, and starts its deployment where something can. An approval
   * whose deployment never started, because Airflow or this service was down, starts it now.
   */
  private Answer approve(Changes.Request request) throws InterruptedException {
    ApprovalRequest question = question(request);
    JsonNode answered = answer(request, "approve");
    String message = message(answered);
    if (!hasChanged(answered)) {
      if (!awaitsDeployment(question)) {
        throw new Refusal(409, message);
      }
      message = ApprovalAnswer.find(context.store(), question).orElseThrow().sentence();
    }
    Started started = null;
    try {
      started = runtime.deploy(request, question.date().toString());
      message += " Its deployment has started.";
    } catch (RuntimeException e) {
      // The answer is kept, whatever becomes of the deployment.
      message += " Its deployment has not started: " + StoreFailures.refusal(e).sentence();
      if (runtime.isThere()) {
        message += " Deploy it, or call /approve again, to start that.";
      }
    }
    return changes.done(
        started == null ? 200 : 202,
        told(
            "approved",
            message,
            question,
            started == null ? null : started.runId(),
            started == null ? null : started.url()));
  }

  /**
   * Whether an approved version is to go into production and is not there, or not completely: the
   * day still has the outcome of the approval, and no other version was promoted since.
   */
  private boolean awaitsDeployment(ApprovalRequest question) {
    String version = question.modelId();
    Champion champion = new Champions(context.store()).get(question.model());
    if (champion.modelId().equals(version)) {
      return !champion.deployed();
    }
    return champion.modelId().equals(question.championId())
        && champion.bar(version).isEmpty()
        && new ModelStore(context).status(version) == VersionStatus.APPROVED
        && DayOutcome.latest(context.store(), question.model(), question.date())
            .filter(outcome -> outcome.status().approves())
            .filter(outcome -> outcome.modelId().equals(version))
            .isPresent();
  }

  private Answer reject(Changes.Request request) {
    ApprovalRequest question = question(request);
    JsonNode answered = answer(request, "reject");
    if (!hasChanged(answered)) {
      throw new Refusal(409, message(answered));
    }
    return changes.done(200, told("rejected", message(answered), question, null, null));
  }

  private static String message(JsonNode answered) {
    return answered.required("message").stringValue();
  }

  private static boolean hasChanged(JsonNode answered) {
    return answered.required("changed").booleanValue();
  }

  private static Map<String, @Nullable Object> told(
      String status,
      String message,
      ApprovalRequest question,
      @Nullable String runId,
      @Nullable String url) {
    return Fields.of(
        "status",
        status,
        "message",
        message,
        "version",
        question.modelId(),
        QUESTION,
        question.id(),
        "run_id",
        runId,
        "url",
        url);
  }

  /** The question of this model that the call names. */
  private ApprovalRequest question(Changes.Request request) {
    String id = request.required(QUESTION);
    return ApprovalRequest.find(context.store(), id)
        .filter(question -> question.model().equals(request.model()))
        .orElseThrow(
            () ->
                new Refusal(
                    404, "There is no question '%s' about %s.".formatted(id, request.model())));
  }

  /** Runs the step that answers; the step decides by its own rules. */
  private JsonNode answer(Changes.Request request, String step) {
    Map<String, JsonNode> inputs = new LinkedHashMap<>();
    inputs.put("request", Json.MAPPER.valueToTree(request.required(QUESTION)));
    inputs.put("by", Json.MAPPER.valueToTree(request.by()));
    String reason = request.text(REASON);
    if (reason != null) {
      inputs.put(REASON, Json.MAPPER.valueToTree(reason));
    }
    try {
      return Steps.run(step, inputs, context, new RunIdentity("control", request.id(), step, 1));
    } catch (InvalidInputException tooLate) {
      throw new Refusal(409, String.valueOf(tooLate.getMessage()));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(step + " failed", e);
    }
  }

  /** Keeps who has seen an alert, when and why it needs nobody any more; never changed. */
  private Answer acknowledge(Changes.Request request) {
    String id = request.required(ALERT);
    String reason = request.text(REASON);
    Document alert =
        context
            .store()
            .events()
            .find("alerts", id)
            .filter(_ -> id.startsWith("alert/" + request.model() + "/"))
            .orElseThrow(
                () ->
                    new Refusal(
                        404, "There is no alert '%s' of %s.".formatted(id, request.model())));
    boolean isFirst =
        context
            .store()
            .events()
            .append(
                ACKNOWLEDGEMENTS,
                id,
                new Document("model", request.model())
                    .append("logical_date", alert.getString("logical_date"))
                    .append("by", request.by())
                    .append(REASON, reason == null ? "no reason given" : reason)
                    .append("run_id", request.id()));
    if (!isFirst) {
      Document first = context.store().events().find(ACKNOWLEDGEMENTS, id).orElseThrow();
      throw new Refusal(
          409,
          "%s acknowledged this alert at %s (%s); nothing changed."
              .formatted(
                  first.getString("by"), first.getString("timestamp"), first.getString(REASON)));
    }
    return changes.done(
        200,
        Fields.of(
            "status",
            "acknowledged",
            "message",
            "The alert of %s is acknowledged.".formatted(alert.getString("logical_date")),
            ALERT,
            id));
  }
}
