package retune.judgement;

import org.bson.Document;
import retune.core.data.Features;
import retune.core.judgement.PolicyInput;
import retune.core.judgement.PolicyInput.Latency;
import retune.core.judgement.PromotionPolicy;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.FeatureSource;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.PredictionTime;
import retune.model.engine.Predictor;
import retune.runtime.StepContext;

/** Collects what a loop's policy looks at beside the answers. */
public final class PolicyInputs {
  /** One document for each pair of versions that a run has timed on a batch. */
  private static final String LATENCIES = "latencies";

  private PolicyInputs() {}

  /** The input of the policy for two versions that were measured on the same rows of a batch. */
  public static PolicyInput of(
      StepContext context,
      PromotionPolicy policy,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      FeatureSource source) {
    return new PolicyInput(
        candidate.version().target().classes(),
        policy.columns().isEmpty()
            ? PolicyInput.NONE.columns()
            : candidate.columns(source, policy.columns()::contains),
        policy.asksForLatency() ? latency(context, candidate, champion, source) : null);
  }

  /** The measured times: those of the run's first try, so that its verdict stays the same. */
  private static Latency latency(
      StepContext context,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      FeatureSource source) {
    String candidateId = candidate.version().modelId();
    String championId = champion.version().modelId();
    String batchId = candidate.batch().batchId();
    String id = "%s/%s/%s/%s".formatted(batchId, context.run().runId(), candidateId, championId);
    if (context.store().events().find(LATENCIES, id).isEmpty()) {
      Latency latency = measure(context, candidate, champion, source);
      context
          .store()
          .events()
          .append(
              LATENCIES,
              id,
              new Document("model_id", candidateId)
                  .append("champion_id", championId)
                  .append("data_path", batchId)
                  .append("seconds", latency.candidate())
                  .append("champion_seconds", latency.champion())
                  .append("predictions", latency.rows()));
    }
    Document kept = context.store().events().find(LATENCIES, id).orElseThrow();
    return new Latency(
        kept.getDouble("seconds"),
        kept.getDouble("champion_seconds"),
        kept.getInteger("predictions"));
  }

  private static Latency measure(
      StepContext context,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      FeatureSource source) {
    Features rows = candidate.firstRows(source, PredictionTime.ROWS);
    try (Engine first = engine(context, candidate.version());
        Engine second = engine(context, champion.version())) {
      return PredictionTime.measure(
          new Predictor(candidate.version(), first),
          rows,
          new Predictor(champion.version(), second),
          rows);
    }
  }

  /** The engine that a prediction service takes. */
  private static Engine engine(StepContext context, ModelVersion version) {
    return Engines.open(version, new ModelStore(context).weights(version));
  }
}
