package retune.learning;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.finetuning.HalfLife;
import retune.core.finetuning.Strategy;
import retune.core.finetuning.Tuning;
import retune.core.metrics.Metric;
import retune.learning.training.Seeds;
import retune.model.Architecture;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Trains candidates on a training set, one after the other: networks from random weights or"
            + " from the version in production, and boosted trees. Returns the one that is best on"
            + " the validation rows.",
    pipeline = Pipeline.RETRAINING,
    work = Work.TRAINING,
    example =
        "--model credit-default --data-path credit-default/retraining-0123456789ab --metric"
            + " f1_macro")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RetrainModel implements Step<RetrainModel.Input, RetrainModel.Output> {
  private static final Logger LOGGER = System.getLogger(RetrainModel.class.getName());

  /**
   * The validation rows may have chosen the version in production, so that a candidate may be a
   * little below it there; the hold-out decides.
   */
  private static final double MAY_LOSE = 0.01;

  public record Input(
      @Field("the model's name") String model,
      @Field("the training set, as prepare_training_data returns it") String dataPath,
      @Field("the split, as filter_training_data returns it; the set's only split if left out")
          @Nullable String splitId,
      @Field(
              "how to train, each a candidate: strategies of finetune_model, at most 8. scratch is"
                  + " a network from random weights, full one that goes on from the version in"
                  + " production. If left out: trees and head_long, and scratch where the network"
                  + " is an MLP, which trains in seconds; for texts head_long and scratch")
          List<Strategy> candidates,
      @Field(
              value =
                  "passes over the training rows, as in finetune_model; as many steps as help if"
                      + " left out",
              min = 1,
              max = 1000)
          @Nullable Integer numEpochs,
      @Field(value = "Adam's step size", byDefault = "1e-4", min = 1e-9, max = 1)
          double learningRate,
      @Field(value = "rows per training step", byDefault = "64", min = 1, max = 65_536)
          int batchSize,
      @Field(
              value =
                  "settings tried for each candidate, the default ones first and then drawn ones:"
                      + " step size and rows per step of a network; depth, step, sample and leaves"
                      + " of trees. The validation rows choose; time grows with the number",
              byDefault = "1",
              min = 1,
              max = Tuning.MOST_TRIALS)
          int trials,
      @Field(
              value =
                  "age in days at which a row weighs half as much as one of the last day, in the"
                      + " loss of networks and trees. Validation and hold-out rows weigh alike; if"
                      + " left out, training rows do, too",
              min = 0.1,
              max = 36_500)
          @Nullable Double halfLifeDays,
      @Field(value = "metric that chooses on the validation rows", byDefault = "f1_score")
          Metric metric) {}

  public record Output(
      @Field(
              "the best candidate; none if all are more than 0.01 below the version in production"
                  + " on the validation rows")
          @Nullable String modelId,
      @Field("how it was trained") @Nullable String strategy,
      @Field("its metric on the validation rows") @Nullable Double validationValue,
      @Field("the metric of the version in production on the same rows")
          double championValidationValue,
      @Field(
              "by strategy and trial: the metric on the validation rows, or why there is no"
                  + " candidate")
          Map<String, String> tried) {}

  @Override
  public Output run(Input input, StepContext context) {
    String championId = new Champions(context.store()).get(input.model()).modelId();
    List<Strategy> candidates =
        input.candidates().isEmpty()
            ? byDefault(new ModelStore(context).get(championId))
            : input.candidates();
    if (candidates.size() > Strategy.MOST_ATTEMPTS) {
      throw new InvalidInputException(
          "There are %d candidates; give at most %d."
              .formatted(candidates.size(), Strategy.MOST_ATTEMPTS));
    }
    Map<String, String> tried = new LinkedHashMap<>();
    FinetuneModel.Output best = null;
    double bestValue = Double.NEGATIVE_INFINITY;
    double championValue = Double.NaN;
    int number = 0;
    for (int trial = 1; trial <= input.trials(); trial++) {
      for (Strategy strategy : candidates) {
        if (trial > 1 && !strategy.hasSettings()) {
          continue;
        }
        number++;
        FinetuneModel.Attempted attempted =
            FinetuneModel.attempt(
                attempt(input, championId, strategy, number),
                context,
                MAY_LOSE,
                Tuning.ofTrial(trial, Seeds.of("trials", input.dataPath())),
                input.halfLifeDays() == null ? null : new HalfLife(input.halfLifeDays()));
        TrainedCandidate.of(input.dataPath(), number, trial, input.metric(), attempted)
            .keep(context);
        FinetuneModel.Output trained = attempted.output();
        championValue = trained.championValidationValue();
        Double value = trained.validationValue();
        tried.put(
            trial == 1 ? trained.strategy() : "%s, trial %d".formatted(trained.strategy(), trial),
            value == null
                ? String.valueOf(trained.reason())
                : String.format(Locale.ROOT, "%s %.4f", input.metric().id(), value));
        if (value != null && value > bestValue) {
          best = trained;
          bestValue = value;
        }
      }
    }
    LOGGER.log(Level.INFO, "Candidates on the validation rows: {0}.", tried);
    return best == null
        ? new Output(null, null, null, championValue, tried)
        : new Output(best.modelId(), best.strategy(), bestValue, championValue, tried);
  }

  private static List<Strategy> byDefault(ModelVersion champion) {
    return switch (champion.architecture()) {
      case Architecture.Text _ -> List.of(Strategy.HEAD_LONG, Strategy.SCRATCH);
      case Architecture.Mlp _ -> List.of(Strategy.TREES, Strategy.HEAD_LONG, Strategy.SCRATCH);
      case Architecture.TabTransformer _, Architecture.Fixed _ ->
          List.of(Strategy.TREES, Strategy.HEAD_LONG);
    };
  }

  private static FinetuneModel.Input attempt(
      Input input, String championId, Strategy strategy, int number) {
    return new FinetuneModel.Input(
        championId,
        input.dataPath(),
        input.splitId(),
        number,
        strategy,
        input.numEpochs(),
        input.learningRate(),
        input.batchSize(),
        true,
        input.metric(),
        0);
  }
}
