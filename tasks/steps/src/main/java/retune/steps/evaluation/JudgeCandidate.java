package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.Gate;
import retune.core.judgement.Selection;
import retune.core.judgement.Verdict;
import retune.core.metrics.Metric;
import retune.judgement.ChosenAttempt;
import retune.judgement.DayKey;
import retune.judgement.JudgedAttempt;
import retune.judgement.Judgement;
import retune.model.batch.Attempt.WithCandidate;
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
        "Chooses the run's attempt with the best value on the validation rows or, if none surely"
            + " reaches the gate, the first within a standard error of the best; and judges its"
            + " version and the champion on the hold-out, whose rows no training has seen. For"
            + " loops with gate.selection best_on_validation. If no attempt found a candidate,"
            + " nothing passes and nothing is judged.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example = "--champion-id credit-default-0123456789ab --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class JudgeCandidate implements Step<JudgeCandidate.Input, JudgeCandidate.Output> {
  private static final Logger LOGGER = System.getLogger(JudgeCandidate.class.getName());

  public record Input(
      @Field("the version in production") String championId,
      @Field("the processed batch, as model/date") String dataPath,
      @Field("the split that the attempts were trained with; needed only if the batch has several")
          @Nullable String splitId) {}

  public record Output(
      @Field(
              "the chosen attempt's version, or its alternative where that passed instead; none if"
                  + " no attempt found a candidate")
          @Nullable String modelId,
      @Field("the chosen attempt") @Nullable Integer attempt,
      @Field("number of attempts made") int attempts,
      @Field("the gate's metric of the chosen version on the validation rows")
          @Nullable Double validationValue,
      @Field("the one-sided 95 % confidence bound below that value")
          @Nullable Double validationLowerBound,
      @Field("the chosen version's metrics on the hold-out") Map<String, Double> metrics,
      @Field("the champion's metrics on the same rows") Map<String, Double> championMetrics,
      @Field("whether the version may replace the champion") boolean passed,
      @Field("whether it may if a person approves it") boolean asked,
      @Field("the gate's metric") Metric metric,
      @Field("the chosen version's value of the metric") @Nullable Double value,
      @Field("the least value that passes") double threshold,
      @Field("the champion's value of the metric on the same rows") @Nullable Double championValue,
      @Field("the choice and the verdict, as sentences") String reason,
      @Field("the comparison behind the verdict, as an id in comparison_reports")
          @Nullable String report) {}

  @Override
  public Output run(Input input, StepContext context) {
    Batch batch = Batch.load(context, input.dataPath());
    DayKey key = Judgement.ofChampion(context, batch.description()).key();
    if (key.rules().selection() != Selection.BEST_ON_VALIDATION) {
      throw new InvalidInputException(
          "The run judges each attempt on the hold-out; run evaluate_finetuned_model for each"
              + " instead.");
    }
    ChosenAttempt choice = ChosenAttempt.of(context, batch.description(), key.rules());
    return choice
        .chosen()
        .map(chosen -> judge(input, context, batch, key, choice, chosen))
        .orElseGet(() -> nothing(context, batch, key, choice));
  }

  private static Output nothing(
      StepContext context, Batch batch, DayKey key, ChosenAttempt choice) {
    choice.keep(context, batch.description(), key);
    LOGGER.log(Level.INFO, choice.reason());
    Gate gate = key.rules().gate();
    return new Output(
        null,
        null,
        choice.tried().size(),
        null,
        null,
        Map.of(),
        Map.of(),
        false,
        false,
        gate.metric(),
        null,
        gate.threshold(),
        null,
        choice.reason(),
        null);
  }

  private static Output judge(
      Input input,
      StepContext context,
      Batch batch,
      DayKey key,
      ChosenAttempt choice,
      WithCandidate chosen) {
    JudgedAttempt judged =
        new HoldOut(context, batch, input.splitId(), key)
            .judge(chosen.modelId(), input.championId(), chosen.number());
    Judgement judgement = judged.decisive();
    choice.keep(context, batch.description(), key);
    Verdict verdict = judgement.verdict();
    String reason =
        "%s On the hold-out, %s %s"
            .formatted(choice.reason(), verdict.reason(), judged.sentence())
            .strip();
    LOGGER.log(Level.INFO, reason);
    return new Output(
        judgement.modelId(),
        judgement.attempt(),
        choice.tried().size(),
        chosen.value(),
        chosen.lowerBound(),
        judgement.metrics(),
        judgement.championMetrics(),
        judgement.passed(),
        judgement.asked(),
        verdict.metric(),
        verdict.value(),
        verdict.threshold(),
        judgement.championValue(),
        reason,
        EvaluationReport.idOf(context, judgement, batch.description()));
  }
}
