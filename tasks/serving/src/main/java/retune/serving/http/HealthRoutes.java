package retune.serving.http;

import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import retune.model.ModelVersion;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import retune.serving.challenger.ServedChallenger;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.ServedModel;

/** Liveness, readiness and health. */
final class HealthRoutes implements Route.Group {
  private final ServedModel served;
  private final ServedChallenger challenger;
  private final BooleanSupplier isDraining;
  private final Clock clock;

  HealthRoutes(
      ServedModel served, ServedChallenger challenger, BooleanSupplier isDraining, Clock clock) {
    this.served = served;
    this.challenger = challenger;
    this.isDraining = isDraining;
    this.clock = clock;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/health", (_, _) -> health()),
        Route.get("/v2/health/live", (_, _) -> Answer.json(Map.of("live", true))),
        Route.get("/v2/health/ready", (_, _) -> ready()));
  }

  private Answer health() {
    Map<String, Object> health = new LinkedHashMap<>();
    Optional<ModelVersion> version = served.version();
    health.put("status", version.isPresent() ? "healthy" : "starting");
    health.put("model_loaded", version.isPresent());
    version.ifPresent(
        loaded -> {
          health.put("model_id", loaded.modelId());
          health.put("model_version", loaded.modelVersion());
        });
    challenger.active().ifPresent(active -> health.put("challenger", told(active)));
    served.warning().ifPresent(warning -> health.put("warning", warning));
    challenger.warning().ifPresent(warning -> health.put("challenger_warning", warning));
    health.put("timestamp", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
    return Answer.json(version.isPresent() ? 200 : 503, health);
  }

  /** The version with traffic beside the served one. */
  private static Map<String, Object> told(ServedChallenger.Active active) {
    Map<String, Object> told = new LinkedHashMap<>();
    told.put("model_id", active.version().modelId());
    told.put("model_version", active.version().modelVersion());
    told.put("mode", active.traffic().mode().id());
    told.put("fraction", active.traffic().fraction());
    told.put("started_at", active.traffic().startedAt());
    return told;
  }

  private Answer ready() {
    if (isDraining.getAsBoolean()) {
      throw new Refusal(503, "The service is shutting down.");
    }
    served.use(LoadedVersion::version);
    return Answer.json(Map.of("ready", true));
  }
}
