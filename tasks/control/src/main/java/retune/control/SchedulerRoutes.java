package retune.control;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;

/** What runs by itself: when, and starting and stopping it. */
final class SchedulerRoutes implements Route.Group {
  private final StepContext context;
  private final Models models;
  private final Scheduler scheduler;
  private final LoopRuntime runtime;
  private final Changes changes;
  private final Turns turns;

  SchedulerRoutes(
      StepContext context,
      Models models,
      Scheduler scheduler,
      LoopRuntime runtime,
      Changes changes) {
    this.context = context;
    this.models = models;
    this.scheduler = scheduler;
    this.runtime = runtime;
    this.changes = changes;
    this.turns = new Turns(context);
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/scheduler/status", (exchange, _) -> status(models.of(exchange))),
        changes.route(
            "/scheduler/start", List.of(), turns.oneAtATime(request -> schedule(request, true))),
        changes.route(
            "/scheduler/stop", List.of(), turns.oneAtATime(request -> schedule(request, false))));
  }

  private Answer status(String model) {
    Map<String, @Nullable Object> known;
    try {
      known = scheduler.required(model);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refusal(503, "The service is shutting down.");
    }
    known.put("config", scheduler.config(model));
    return Answer.json(
        Fields.of(
            "status",
            "ok",
            "model",
            model,
            "scheduler",
            known,
            "timestamp",
            Times.text(context.clock().instant())));
  }

  private Answer schedule(Changes.Request request, boolean on) throws InterruptedException {
    runtime.schedule(request, on);
    return changes.done(
        200,
        Fields.of(
            "status",
            "ok",
            "message",
            "Scheduler %s successfully".formatted(on ? "started" : "stopped"),
            "model",
            request.model()));
  }
}
