package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.finetuning.Strategy;
import retune.core.judgement.Gate;
import retune.core.judgement.Selection;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.judgement.DayKey;
import retune.judgement.JudgedAttempt;
import retune.judgement.Judgement;
import retune.model.ModelStore;
import retune.model.batch.Attempt;
import retune.model.batch.Batch;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.comparison.EvaluationReport;

@About(
    value =
        "Judges a fine-tuned candidate and the champion on the hold-out, whose rows no training has"
            + " seen, and stores the verdict with its reason. An attempt that found no candidate"
            + " does not pass, and nothing is stored.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example =
        "--model-id credit-default-ba9876543210 --champion-id credit-default-0123456789ab"
            + " --data-path credit-default/2026-11-05 --attempt 1")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class EvaluateFinetunedModel
    implements Step<EvaluateFinetunedModel.Input, EvaluateFinetunedModel.Output> {
  private static final Logger LOGGER = System.getLogger(EvaluateFinetunedModel.class.getName());

  public record Input(
      @Field("the candidate; if left out, what the run's attempt of this number registered")
          @Nullable String modelId,
      @Field("the version in production") String championId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field(
              value = "the attempt that trained the candidate",
              min = 1,
              max = Strategy.MOST_ATTEMPTS)
          int attempt,
      @Field("the gate's metric, checked against the run's verdict; can be left out")
          @Nullable Metric metric,
      @Field(
              value = "the gate's threshold, checked against the run's verdict; can be left out",
              min = 0,
              max = 1)
          @Nullable Double threshold,
      @Field("the split that the candidate was trained with; needed only if the batch has several")
          @Nullable String splitId) {}

  public record Output(
      @Field(
              "the candidate, or the attempt's alternative where that passed instead; none if the"
                  + " attempt found none")
          @Nullable String modelId,
      @Field("the candidate's metrics on the hold-out") Map<String, Double> metrics,
      @Field("the champion's metrics on the same rows") Map<String, Double> championMetrics,
      @Field("the version that the candidate was fine-tuned from") @Nullable String finetunedFrom,
      @Field("whether the candidate may replace the champion") boolean passed,
      @Field("whether it may if a person approves it") boolean asked,
      @Field("whether it may, below the gate, if no later attempt passes") boolean fallback,
      @Field("the gate's metric") Metric metric,
      @Field("the candidate's value of the metric") @Nullable Double value,
      @Field("the least value that passes") double threshold,
      @Field("the champion's value of the metric on the same rows") @Nullable Double championValue,
      @Field("the reason, as a sentence") String reason,
      @Field("the attempt that trained the candidate") int attempt,
      @Field("the comparison behind the verdict, as an id in comparison_reports")
          @Nullable String report) {}

  @Override
  public Output run(Input input, StepContext context) {
    Batch batch = Batch.load(context, input.dataPath());
    DayKey key =
        Judgement.ofChampion(context, batch.description())
            .require(input.metric(), input.threshold(), null)
            .key();
    if (key.rules().selection() != Selection.FIRST_PASSING) {
      throw new InvalidInputException(
          "The run chooses an attempt on the validation rows, and only that one may be judged on"
              + " the hold-out; run judge_candidate instead.");
    }
    return input.modelId() == null
        ? ofAttempt(input, context, batch, key)
        : judge(input, input.modelId(), context, batch, key);
  }

  private static Output ofAttempt(Input input, StepContext context, Batch batch, DayKey key) {
    Gate gate = key.rules().gate();
    Attempt made =
        Attempt.ofRun(context, batch.description(), gate.metric()).stream()
            .filter(attempt -> attempt.number() == input.attempt())
            .findFirst()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "The run '%s' made no attempt %d on '%s' by %s; run finetune_model for it,"
                                .formatted(
                                    context.run().runId(),
                                    input.attempt(),
                                    input.dataPath(),
                                    gate.metric().id())
                            + " or name the candidate with --model-id."));
    return switch (made) {
      case Attempt.WithCandidate candidate ->
          judge(input, candidate.modelId(), context, batch, key);
      case Attempt.WithoutCandidate nothing -> {
        LOGGER.log(Level.INFO, nothing.reason());
        yield new Output(
            null,
            Map.of(),
            Map.of(),
            input.championId(),
            false,
            false,
            false,
            gate.metric(),
            null,
            gate.threshold(),
            null,
            nothing.reason(),
            input.attempt(),
            null);
      }
    };
  }

  private static Output judge(
      Input input, String modelId, StepContext context, Batch batch, DayKey key) {
    JudgedAttempt judged =
        new HoldOut(context, batch, input.splitId(), key)
            .judge(modelId, input.championId(), input.attempt());
    Judgement judgement = judged.decisive();
    Verdict verdict = judgement.verdict();
    String reason = "%s %s".formatted(verdict.reason(), judged.sentence()).strip();
    LOGGER.log(Level.INFO, reason);
    boolean isFallback =
        judgement.passed()
            && !judgement.reachesGate()
            && input.attempt() < key.rules().maxAttempts();
    return new Output(
        judgement.modelId(),
        judgement.metrics(),
        judgement.championMetrics(),
        new ModelStore(context).get(judgement.modelId()).lineage().finetunedFrom(),
        judgement.passed() && !isFallback,
        judgement.asked(),
        isFallback,
        verdict.metric(),
        verdict.value(),
        verdict.threshold(),
        judgement.championValue(),
        reason,
        input.attempt(),
        EvaluationReport.idOf(context, judgement, batch.description()));
  }
}
