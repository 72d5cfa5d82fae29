package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.util.Map;
import org.bson.Document;
import retune.core.InvalidInputException;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.model.batch.Batch;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

@About(
    value =
        "Judges whether the model in production is still good enough on a batch that it was"
            + " evaluated on, and keeps the verdict with its reason.",
    pipeline = Pipeline.EVALUATION,
    example =
        "--model-id credit-default-0123456789ab --data-path credit-default/2026-11-05 --metric"
            + " f1_macro --threshold 0.65",
    keepsBooks = true)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class CheckModelPerformance
    implements Step<CheckModelPerformance.Input, CheckModelPerformance.Output> {
  public record Input(
      @Field("the version in production") String modelId,
      @Field("the processed batch: model/date") String dataPath,
      @Field(value = "what is looked at", byDefault = "f1_score") Metric metric,
      @Field(value = "least value that is good enough", byDefault = "0.75", min = 0, max = 1)
          double threshold,
      @Field(
              value = "attempts at fine-tuning before people are told",
              byDefault = "3",
              min = 1,
              max = 3)
          int maxAttempts) {}

  public record Output(
      @Field("approved or needs_retraining") String status,
      @Field("metrics by name") Map<String, Double> metrics,
      @Field("whether the model falls short") boolean needsRetraining,
      @Field("least value that is good enough") double f1Threshold,
      @Field("what was looked at") Metric metric,
      @Field("attempts at fine-tuning so far") int retryCount,
      @Field("attempts at fine-tuning before people are told") int maxRetries,
      @Field("why, in a sentence") String reason) {}

  @Override
  public Output run(Input input, StepContext context) {
    ProcessedBatch batch = Batch.describe(context, input.dataPath());
    Map<String, Double> metrics = metrics(input, context, batch);
    Verdict verdict = new Gate(input.metric(), input.threshold()).judge(metrics);
    Judgement judgement =
        new Judgement(0, input.modelId(), input.modelId(), verdict, metrics, metrics);
    judgement.keep(context, batch);
    return new Output(
        judgement.status(),
        metrics,
        !judgement.passed(),
        input.threshold(),
        input.metric(),
        0,
        input.maxAttempts(),
        verdict.reason());
  }

  private static Map<String, Double> metrics(
      Input input, StepContext context, ProcessedBatch batch) {
    String id = MeasuredVersion.id(input.modelId(), batch.contentHash(), EvaluateModel.TEST);
    return context
        .store()
        .events()
        .find(MeasuredVersion.COLLECTION, id)
        .map(measured -> Judgement.numbers(measured.get("metrics", Document.class)))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' was not evaluated on '%s' as it is now; run evaluate_model first."
                        .formatted(input.modelId(), input.dataPath())));
  }
}
