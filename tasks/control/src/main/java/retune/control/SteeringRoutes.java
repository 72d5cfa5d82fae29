package retune.control;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.control.LoopRuntime.Started;
import retune.core.judgement.VersionStatus;
import retune.judgement.DayOutcome;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import retune.runtime.store.Lease;

/** Retraining, deployment and roll-back, on request. The steps decide by their own rules. */
final class SteeringRoutes implements Route.Group {
  private static final String VERSION = "version_id";
  private static final String REPLACES = "replaces";
  private static final String REASON = "reason";

  private final StepContext context;
  private final LoopRuntime runtime;
  private final Changes changes;
  private final Turns turns;
  private final ChallengerRoutes challenger;

  SteeringRoutes(
      StepContext context, LoopRuntime runtime, Changes changes, ChallengerRoutes challenger) {
    this.context = context;
    this.runtime = runtime;
    this.changes = changes;
    this.turns = new Turns(context);
    this.challenger = challenger;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        changes.route("/retrain", List.of("force_retrain"), turns.oneAtATime(this::retrain)),
        changes.route(
            "/retrain/deploy",
            List.of(VERSION, "mode", "fraction", REASON),
            turns.oneAtATime(this::deploy)),
        changes.route(
            "/retrain/rollback",
            List.of(VERSION, REPLACES, REASON),
            turns.oneAtATime(this::rollBack)));
  }

  private Answer retrain(Changes.Request request) throws InterruptedException {
    boolean force = request.is("force_retrain");
    requireNoRetraining(request.model());
    Started started = runtime.retrain(request, force);
    return changes.done(
        202,
        Fields.of(
            "status",
            "started",
            "message",
            "Model retraining started in background",
            "model",
            request.model(),
            "run_id",
            started.runId(),
            "url",
            started.url()));
  }

  /** Refuses, with 409, while a retraining of the model has the lease. */
  private void requireNoRetraining(String model) {
    Lease.toRetrain(context.store(), model)
        .find()
        .filter(held -> held.expiresAt().isAfter(context.clock().instant()))
        .ifPresent(
            held -> {
              throw new Refusal(
                  409,
                  "%s of %s runs since %s, at most until %s; wait for its end."
                      .formatted(
                          held.holder(),
                          model,
                          held.takenAt().truncatedTo(ChronoUnit.SECONDS),
                          held.expiresAt().truncatedTo(ChronoUnit.SECONDS)));
            });
  }

  private Answer deploy(Changes.Request request) throws InterruptedException {
    String mode = Optional.ofNullable(request.text("mode")).orElse("full");
    return switch (mode) {
      case "full" -> deployFully(request, mode);
      case "canary" -> challenger.canary(request);
      default -> throw new Refusal(400, "'mode' must be full or canary, not '%s'.".formatted(mode));
    };
  }

  private Answer deployFully(Changes.Request request, String mode) throws InterruptedException {
    String version = request.required(VERSION);
    VersionStatus status = status(request.model(), version);
    Champion champion = new Champions(context.store()).get(request.model());
    if (version.equals(champion.modelId()) && champion.deployed()) {
      return changes.done(200, Fields.of("status", "deployed", "version", version, "mode", mode));
    }
    if (status == VersionStatus.RETIRED) {
      throw new Refusal(
          409,
          "%s was in production before; put it back with POST /retrain/rollback, which also bars the version that it replaces."
              .formatted(version));
    }
    if (!status.mayServe()) {
      throw new Refusal(
          409,
          "%s is %s; only a version that an evaluation, a retraining or a person has approved is deployed."
              .formatted(version, status.id()));
    }
    Champions.requireNotBarred(champion, version);
    Started started = runtime.deployAndWait(request, partition(request.model(), version));
    if (started.isDone()) {
      requireDeployed(request.model(), version, started);
    }
    return changes.done(
        started.isDone() ? 200 : 202,
        Fields.of(
            "status",
            started.isDone() ? "deployed" : "started",
            "version",
            version,
            "mode",
            mode,
            "run_id",
            started.runId(),
            "url",
            started.url()));
  }

  /** A deployment ends well, too, where it finds that there is nothing to deploy. */
  private void requireDeployed(String model, String version, Started started) {
    Champion champion = new Champions(context.store()).get(model);
    if (!version.equals(champion.modelId())) {
      throw new Refusal(
          409,
          "%s ended without a deployment: %s is in production, and %s was approved to follow another version."
              .formatted(started.runId(), champion.modelId(), version));
    }
  }

  /** The day, retraining or promotion that approved a version, the last if there are several. */
  private String partition(String model, String version) {
    Stream<Document> days =
        context.store().events().startingWith("outcomes", model + "/").stream()
            .filter(outcome -> DayOutcome.Status.ofId(outcome.getString("status")).approves());
    Stream<Document> retrainings =
        context.store().events().startingWith("retraining_outcomes", model + "/").stream()
            .filter(outcome -> outcome.getBoolean("approved"));
    Stream<Document> promotions =
        context.store().events().startingWith("challenger_promotions", model + "/").stream();
    return Stream.of(days, retrainings, promotions)
        .flatMap(outcomes -> outcomes)
        .filter(outcome -> version.equals(outcome.getString("model_id")))
        .max(Comparator.comparing(outcome -> Instant.parse(outcome.getString("timestamp"))))
        .map(
            outcome ->
                Stream.of("retraining_id", "promotion_id", "logical_date")
                    .map(outcome::getString)
                    .filter(Objects::nonNull)
                    .findFirst()
                    .orElseThrow())
        .orElseThrow(
            () ->
                new Refusal(
                    409,
                    "No evaluation, retraining or promotion of %s ended with %s; there is nothing to deploy it by."
                        .formatted(model, version)));
  }

  private Answer rollBack(Changes.Request request) throws InterruptedException {
    Optional<String> version = Optional.ofNullable(request.text(VERSION));
    String reason = request.reason();
    Champion champion = new Champions(context.store()).get(request.model());
    String replaces = request.text(REPLACES);
    if (replaces != null && !replaces.equals(champion.modelId())) {
      throw new Refusal(
          409,
          "%s is in production now, not %s; nothing was rolled back."
              .formatted(champion.modelId(), replaces));
    }
    if (version.isPresent()) {
      VersionStatus status = status(request.model(), version.get());
      if (version.get().equals(champion.modelId())) {
        throw new Refusal(409, "%s is the version in production already.".formatted(version.get()));
      }
      if (!status.wasApproved()) {
        throw new Refusal(
            409,
            "%s is %s; only a version that was approved once comes back into production."
                .formatted(version.get(), status.id()));
      }
      Champions.requireNotBarred(champion, version.get());
    } else if (champion.previousModelId() == null) {
      throw new Refusal(
          409,
          "%s has no earlier version: %s is its first."
              .formatted(request.model(), champion.modelId()));
    }
    Started started = runtime.rollBack(request, version, champion.modelId(), reason);
    @Nullable String target =
        Optional.ofNullable(started.version()).or(() -> version).orElse(champion.previousModelId());
    boolean isDone = started.isDone();
    return changes.done(
        isDone ? 200 : 202,
        Fields.of(
            "status",
            isDone ? "rolled_back" : "started",
            "version",
            target,
            "run_id",
            started.runId(),
            "url",
            started.url()));
  }

  /** The status of a version of this model; 404 where the model has none of that id. */
  private VersionStatus status(String model, String version) {
    Models.requireVersion(context, model, version);
    return new ModelStore(context).status(version);
  }
}
