package retune.control;

import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.control.LoopRuntime.Started;
import retune.judgement.ChallengerPromotion;
import retune.model.ChallengerTraffic;
import retune.model.TrafficControl;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;

/**
 * A challenger's traffic: what {@code start_challenger}, {@code abort_challenger} and {@code
 * promote_challenger} do. Starting and ending is one write, so that it needs no run of the loop.
 */
final class ChallengerRoutes implements Route.Group {
  private static final String VERSION = "version_id";
  private static final String FRACTION = "fraction";
  private static final String REASON = "reason";

  private final StepContext context;
  private final LoopRuntime runtime;
  private final Changes changes;
  private final Turns turns;

  ChallengerRoutes(StepContext context, LoopRuntime runtime, Changes changes) {
    this.context = context;
    this.runtime = runtime;
    this.changes = changes;
    this.turns = new Turns(context);
  }

  @Override
  public List<Route> routes() {
    return List.of(
        changes.route(
            "/retrain/abtest/start",
            List.of(VERSION, FRACTION, REASON),
            turns.oneAtATime(this::start)),
        changes.route(
            "/retrain/abtest/stop", List.of(VERSION, REASON), turns.oneAtATime(this::stop)),
        changes.route(
            "/retrain/abtest/promote", List.of(VERSION, REASON), turns.oneAtATime(this::promote)));
  }

  private Answer start(Changes.Request request) {
    TrafficControl.Done done = start(request, request.number(FRACTION).orElse(0));
    return changes.done(
        200,
        Fields.of(
            "status",
            "ab_started",
            VERSION,
            done.modelId(),
            FRACTION,
            done.fraction(),
            "mode",
            mode(done),
            "message",
            done.message()));
  }

  /** Lets a version answer a share of the requests: a deployment of mode canary. */
  Answer canary(Changes.Request request) {
    TrafficControl.Done done =
        start(request, request.number(FRACTION).orElse(ChallengerTraffic.USUAL));
    return changes.done(
        200,
        Fields.of(
            "status",
            "deployed",
            "version",
            done.modelId(),
            "mode",
            mode(done),
            FRACTION,
            done.fraction(),
            "message",
            done.message()));
  }

  private TrafficControl.Done start(Changes.Request request, double fraction) {
    String version = request.required(VERSION);
    Models.requireVersion(context, request.model(), version);
    return traffic(request).start(version, fraction, request.by(), request.reason());
  }

  private Answer stop(Changes.Request request) {
    TrafficControl.Done done =
        traffic(request).end(request.text(VERSION), request.by(), request.reason());
    return changes.done(
        200,
        Fields.of(
            "status",
            "ab_stopped",
            VERSION,
            done.modelId(),
            FRACTION,
            done.fraction(),
            "message",
            done.message()));
  }

  private Answer promote(Changes.Request request) throws InterruptedException {
    ChallengerPromotion promotion =
        ChallengerPromotion.approve(
                context, request.model(), request.text(VERSION), request.by(), request.reason())
            .promotion();
    Started started;
    try {
      started = runtime.deploy(request, promotion.promotionId());
    } catch (RuntimeException e) {
      Refusal refusal = StoreFailures.refusal(e);
      // The approval is kept: whoever asked must not take it that nothing was done.
      throw new Refusal(
          refusal.status(),
          "%s Its deployment has not started: %s Promote it again to start that."
              .formatted(promotion.message(), refusal.sentence()));
    }
    return changes.done(
        202,
        Fields.of(
            "status",
            "started",
            "message",
            promotion.message() + " Its deployment started in background.",
            "version",
            promotion.modelId(),
            "promotion_id",
            promotion.promotionId(),
            "run_id",
            started.runId(),
            "url",
            started.url()));
  }

  private TrafficControl traffic(Changes.Request request) {
    return new TrafficControl(context, request.model(), request.id());
  }

  private static @Nullable String mode(TrafficControl.Done done) {
    return done.mode() == null ? null : done.mode().id();
  }
}
