package retune.steps.retraining;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Retention;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.core.metrics.Metric;
import retune.model.Champions;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Compares a retrained version with the version in production on hold-out rows that neither"
            + " was trained on, and on ordinary rows, by the loop's rules. The hold-out of a date"
            + " judges in one retraining only. A retraining that is to mend nothing may lose 0.01."
            + " Moves nothing.",
    pipeline = Pipeline.RETRAINING,
    work = Work.MODEL,
    example =
        "--model credit-default --retraining-id retraining-0123456789ab --split-id"
            + " credit-default/retraining-0123456789ab/0123456789ab --model-id"
            + " credit-default-0123456789ab --metric f1_macro --threshold 0.66")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class CompareRetrainedModel
    implements Step<CompareRetrainedModel.Input, CompareRetrainedModel.Output> {
  private static final Logger LOGGER = System.getLogger(CompareRetrainedModel.class.getName());

  public record Input(
      @Field("the model's name") String model,
      @Field("the retraining, as check_retraining_trigger returns it") String retrainingId,
      @Field("the split, as filter_training_data returns it") String splitId,
      @Field("the retrained version; none if the training found nothing better")
          @Nullable String modelId,
      @Field(value = "the gate's metric", byDefault = "f1_score") Metric metric,
      @Field(value = "the least value that passes", byDefault = "0.75", min = 0, max = 1)
          double threshold,
      @Field(
              value = "whether a confidence bound decides (interval), or the value (point)",
              byDefault = "point")
          Evidence evidence,
      @Field(
              value = "what is asked beside the gate, as in a loop file",
              byDefault = "floor",
              format = Field.Format.POLICY)
          String policy,
      @Field(
              value =
                  "how much the gate's metric may fall on ordinary rows, as in"
                      + " check_model_performance",
              byDefault = "0.05",
              min = 0,
              max = 1)
          double retentionLimit,
      @Field(
              value =
                  "what happens to a version that loses more there: promote and say so, or hold;"
                      + " ask holds here, too",
              byDefault = "promote")
          OnConflict onConflict,
      @Field(
              value =
                  "what happens where the version is below the gate: alert keeps the version in"
                      + " production, as ask does here; promote_if_superior takes one that is"
                      + " surely better",
              byDefault = "alert")
          BelowGate belowGate) {
    /** One version is judged, and no person is asked. */
    Rules rules() {
      return new Rules(
          new Gate(metric, threshold),
          1,
          Selection.BEST_ON_VALIDATION,
          evidence,
          PromotionPolicy.parse(policy),
          new Retention(
              retentionLimit, onConflict == OnConflict.ASK ? OnConflict.HOLD : onConflict),
          belowGate == BelowGate.ASK ? BelowGate.ALERT : belowGate);
    }
  }

  public record Output(
      @Field("whether the version may replace the one in production") boolean shouldPromote,
      @Field("the verdict: approved, rejected or undecided") String decision,
      @Field("the retrained version") @Nullable String modelId,
      @Field("the version in production that it was compared with") String championId,
      @Field(
              "old_accuracy, new_accuracy, old_f1_macro, new_f1_macro, accuracy_improvement and"
                  + " f1_improvement")
          Map<String, Double> comparison,
      @Field("the reason, as sentences") String promotionReason,
      @Field(
              "the retraining's page, as an id in comparison_reports; none without a version, where"
                  + " log_retraining_event keeps it")
          @Nullable String report) {}

  @Override
  public Output run(Input input, StepContext context) {
    String championId = new Champions(context.store()).get(input.model()).modelId();
    if (input.modelId() == null) {
      return new Output(
          false,
          "rejected",
          null,
          championId,
          Map.of(),
          "The training found no version that is better than %s on the validation rows."
              .formatted(championId),
          null);
    }
    TrainingSet set = TrainingSet.get(context, input.model(), input.retrainingId());
    RetrainingJudgement judgement =
        RetrainingJudgement.of(
            context, set, input.splitId(), input.modelId(), championId, input.rules());
    LOGGER.log(Level.INFO, judgement.reason());
    return new Output(
        judgement.passed(),
        judgement.kind().id(),
        judgement.modelId(),
        championId,
        numbers(judgement.comparison()),
        judgement.reason(),
        judgement.id(set));
  }

  private static Map<String, Double> numbers(Document comparison) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    comparison.forEach(
        (name, value) -> {
          if (value instanceof Double number) {
            numbers.put(name, number);
          }
        });
    return numbers;
  }
}
