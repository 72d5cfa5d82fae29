package retune.learning.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import retune.core.finetuning.Schedule;
import retune.core.metrics.DecisionThreshold;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.learning.torch.FusedWeights;
import retune.learning.torch.Torch;
import retune.learning.torch.TorchModule;
import retune.learning.torch.TorchModule.Method;
import retune.model.ModelVersion.Epoch;
import retune.model.Weights;

/**
 * Trains a network's head, or the whole network, with cross-entropy, and keeps the round with the
 * best validation metric. Equal inputs and settings give bit-identical weights on equal machines.
 *
 * @param target the classes that the network's outputs stand for, in order
 * @param threshold probability from which the positive of two classes is predicted, 0 … 1; null to
 *     choose the threshold with the best metric on the validation rows
 * @param metric selects the best round
 * @param classWeights whether to weight the loss by inverse class frequency
 * @param schedule how long training lasts
 * @param learningRate Adam's step size
 * @param batchSize rows per step, at least 1
 * @param seed random seed for shuffling and dropout
 */
public record ClassifierTraining(
    Target target,
    @Nullable Double threshold,
    Metric metric,
    boolean classWeights,
    Schedule schedule,
    double learningRate,
    int batchSize,
    long seed) {

  /**
   * The best round.
   *
   * @param weights the network's weights after the best round
   * @param bestEpoch number of the best round, from 1
   * @param answers its predictions on the validation rows
   * @param validation the metrics of these
   * @param history one entry per round, in order
   * @param trainedShare share of the network's parameters that were trained, 0 … 1
   */
  public record Outcome(
      Weights weights,
      int bestEpoch,
      Predictions answers,
      Evaluation validation,
      List<Epoch> history,
      double trainedShare) {
    /** The threshold that the version is to use. */
    public double decisionThreshold() {
      return answers.threshold();
    }
  }

  public ClassifierTraining {
    if (batchSize < 1) {
      throw new IllegalArgumentException("batches of " + batchSize);
    }
  }

  /**
   * Trains the head if the input is already encoded, otherwise the whole network.
   *
   * @param log receives one line per round
   * @throws InvalidInputException if the loss overflows, or if the metric is not defined on the
   *     validation rows
   */
  public Outcome run(
      TorchModule module,
      LabelledRows training,
      LabelledRows validation,
      Progress progress,
      Consumer<String> log) {
    if (training.input().method() != Method.HEAD) {
      module.train(name -> true);
      return descend(module, training, validation, progress, log);
    }
    module.train(name -> !name.startsWith(FusedWeights.ENCODER));
    String encoder = module.weights().encoderHash();
    Outcome outcome = Torch.onOneThread(() -> descend(module, training, validation, progress, log));
    if (!outcome.weights.encoderHash().equals(encoder)) {
      throw new IllegalStateException("the frozen encoder changed in training");
    }
    return outcome;
  }

  private Outcome descend(
      TorchModule module,
      LabelledRows training,
      LabelledRows validation,
      Progress progress,
      Consumer<String> log) {
    Torch.seed(seed);
    SplittableRandom random = new SplittableRandom(seed);
    Optimization optimization = new Optimization(module, learningRate);
    int classes = target.classes().size();
    CrossEntropy crossEntropy =
        classWeights
            ? CrossEntropy.balanced(training.labels(), training.weights(), classes)
            : CrossEntropy.unweighted(classes);

    List<Epoch> history = new ArrayList<>();
    Outcome best = null;
    BatchOrder order = new BatchOrder(training.rows(), batchSize, random);
    int steps = schedule.stepsPerRound(Math.ceilDiv(training.rows(), batchSize));
    for (int round = 1; round <= schedule.most(); round++) {
      List<int[]> batches = order.next(steps);
      int rows = batches.stream().mapToInt(batch -> batch.length).sum();
      double loss = 0;
      long done = (round - 1L) * rows;
      for (int[] batch : batches) {
        float ofBatch = step(module, training.select(batch), optimization, crossEntropy);
        loss += (double) ofBatch * batch.length / rows;
        done += batch.length;
        progress.report("training", done, (long) schedule.most() * rows);
      }
      requireFinite(loss, round);
      Predictions answers = predict(module, validation);
      Evaluation evaluation = Evaluation.of(answers);
      log.accept(TrainingLog.finetune(round, loss, evaluation, metric));
      history.add(new Epoch(round, loss, evaluation.toMap()));
      if (best == null || value(evaluation) > value(best.validation)) {
        best =
            new Outcome(
                module.weights(), round, answers, evaluation, history, module.trainedShare());
      }
      if (round < schedule.most() && round - best.bestEpoch >= schedule.patience()) {
        log.accept(TrainingLog.stopped(round, best.bestEpoch, metric));
        break;
      }
    }
    return Objects.requireNonNull(best);
  }

  private static float step(
      TorchModule module,
      LabelledRows batch,
      Optimization optimization,
      CrossEntropy crossEntropy) {
    return optimization.step(
        scope ->
            crossEntropy.of(
                module.call(batch.input().method(), batch.input().arrays(scope), true),
                batch.labels(),
                batch.weights()));
  }

  private void requireFinite(double loss, int epoch) {
    if (!Double.isFinite(loss)) {
      throw new InvalidInputException(
          "The loss became %s in epoch %d with a learning rate of %s; choose a smaller one."
              .formatted(loss, epoch, learningRate));
    }
  }

  private double value(Evaluation validation) {
    return defined(metric, validation.value(metric), validation.rows());
  }

  /**
   * The metric's value on validation rows.
   *
   * @throws InvalidInputException if it is not defined there
   */
  public static double defined(Metric metric, double value, int rows) {
    if (Double.isNaN(value)) {
      throw new InvalidInputException(
          "%s is not defined on the %d validation rows, because a class has none of them; choose"
                  .formatted(metric.id(), rows)
              + " another metric or bring more rows.");
    }
    return value;
  }

  /** The answers on the validation rows, with the threshold that is to be used. */
  private Predictions predict(TorchModule module, LabelledRows validation) {
    Predictions answers =
        validation.predictions(module, target, threshold == null ? 0.5 : threshold);
    if (threshold != null || !target.isBinary()) {
      return answers;
    }
    return answers.withThreshold(DecisionThreshold.best(metric, answers).threshold());
  }
}
