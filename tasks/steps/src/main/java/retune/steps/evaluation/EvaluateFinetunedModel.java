package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Gate;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.core.split.Part;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Judges a fine-tuned candidate on the hold-out, which its training never saw, beside the"
            + " champion on the same rows, and keeps the verdict with its reason.",
    pipeline = Pipeline.EVALUATION,
    example =
        "--model-id credit-default-ba9876543210 --champion-id credit-default-0123456789ab"
            + " --data-path credit-default/2026-11-05 --attempt 1 --metric f1_macro --threshold"
            + " 0.65")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class EvaluateFinetunedModel
    implements Step<EvaluateFinetunedModel.Input, EvaluateFinetunedModel.Output> {
  /** The dataset's name of a candidate's evaluation on the hold-out. */
  private static final String POST_FINETUNE_TEST = "post_finetune_test";

  public record Input(
      @Field("the candidate") String modelId,
      @Field("the version in production") String championId,
      @Field("the processed batch: model/date") String dataPath,
      @Field(value = "which attempt made the candidate", min = 1, max = 3) int attempt,
      @Field(value = "what is looked at", byDefault = "f1_score") Metric metric,
      @Field(value = "least value that is good enough", byDefault = "0.75", min = 0, max = 1)
          double threshold,
      @Field("the split that the candidate was trained on; without it the batch's only one")
          @Nullable String splitId) {}

  public record Output(
      @Field("the candidate") String modelId,
      @Field("the candidate's metrics on the hold-out, by name") Map<String, Double> metrics,
      @Field("the champion's metrics on the same rows, by name")
          Map<String, Double> championMetrics,
      @Field("the version that the candidate was made from") @Nullable String finetunedFrom,
      @Field("whether the candidate may take the champion's place") boolean passed,
      @Field("why, in a sentence") String reason,
      @Field("which attempt made the candidate") int attempt) {}

  @Override
  public Output run(Input input, StepContext context) {
    Batch batch = Batch.load(context, input.dataPath());
    DataSplit split = DataSplit.find(context, batch, input.splitId());
    split.verify(batch);
    int[] holdout = split.split().rows(Part.HOLDOUT);
    MeasuredVersion candidate =
        MeasuredVersion.ofSome(context, input.modelId(), batch, holdout, split.id());
    MeasuredVersion champion =
        MeasuredVersion.ofSome(context, input.championId(), batch, holdout, split.id());
    Map<String, Double> metrics = candidate.evaluation().toMap();
    Map<String, Double> championMetrics = champion.evaluation().toMap();
    Verdict verdict = new Gate(input.metric(), input.threshold()).judge(metrics, championMetrics);
    Judgement judgement =
        new Judgement(
            input.attempt(),
            input.modelId(),
            input.championId(),
            verdict,
            metrics,
            championMetrics);
    candidate.keep(context, POST_FINETUNE_TEST);
    judgement.keep(context, batch.description());
    return new Output(
        input.modelId(),
        metrics,
        championMetrics,
        candidate.version().lineage().finetunedFrom(),
        judgement.passed(),
        verdict.reason(),
        input.attempt());
  }
}
