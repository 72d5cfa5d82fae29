package retune.learning.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Target;
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
 * Trains a network's classifier, or the whole network, by class-weighted cross-entropy, and keeps
 * the epoch that does best on the validation rows. Equal inputs and settings give bit-identical
 * weights on equal machines.
 *
 * @param target what the network's outputs are
 * @param threshold from which probability on the positive of two classes is answered; null to
 *     choose it on the validation rows, for the metric
 * @param metric what the best epoch is chosen by
 * @param classWeights whether each class has the same say in the loss, however rare it is
 * @param epochs passes over the training rows, at least 1
 * @param learningRate Adam's step size
 * @param batchSize rows a step
 */
public record ClassifierTraining(
    Target target,
    @Nullable Double threshold,
    Metric metric,
    boolean classWeights,
    int epochs,
    double learningRate,
    int batchSize,
    long seed) {

  /**
   * The best epoch.
   *
   * @param decisionThreshold what its evaluation answered the positive class from
   * @param history one entry an epoch
   * @param trainedShare share of the network's numbers that were trained, 0 … 1
   */
  public record Outcome(
      Weights weights,
      int bestEpoch,
      double decisionThreshold,
      Evaluation validation,
      List<Epoch> history,
      double trainedShare) {}

  public ClassifierTraining {
    if (epochs < 1 || batchSize < 1) {
      throw new IllegalArgumentException(epochs + " epochs in batches of " + batchSize);
    }
  }

  /**
   * Trains the head if the input is encoded already, else the whole network.
   *
   * @param log takes one line an epoch
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
            ? CrossEntropy.balanced(training.labels(), classes)
            : CrossEntropy.unweighted(classes);

    List<Epoch> history = new ArrayList<>();
    Outcome best = null;
    for (int epoch = 1; epoch <= epochs; epoch++) {
      double loss = 0;
      int done = 0;
      for (int[] batch : BatchOrder.shuffled(training.rows(), batchSize, random)) {
        float ofBatch = step(module, training.select(batch), optimization, crossEntropy);
        loss += (double) ofBatch * batch.length / training.rows();
        done += batch.length;
        progress.report(
            "training", (epoch - 1L) * training.rows() + done, (long) epochs * training.rows());
      }
      requireFinite(loss, epoch);
      Predictions answers = predict(module, validation);
      Evaluation evaluation = Evaluation.of(answers);
      log.accept(TrainingLog.finetune(epoch, loss, evaluation));
      history.add(new Epoch(epoch, loss, evaluation.toMap()));
      if (best == null || value(evaluation) > value(best.validation)) {
        best =
            new Outcome(
                module.weights(),
                epoch,
                answers.threshold(),
                evaluation,
                history,
                module.trainedShare());
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
                batch.labels()));
  }

  private void requireFinite(double loss, int epoch) {
    if (!Double.isFinite(loss)) {
      throw new InvalidInputException(
          "The loss became %s in epoch %d with a learning rate of %s; choose a smaller one."
              .formatted(loss, epoch, learningRate));
    }
  }

  private double value(Evaluation validation) {
    double value = validation.value(metric);
    if (Double.isNaN(value)) {
      throw new InvalidInputException(
          "%s is not defined on the %d validation rows, because a class has none of them; choose"
                  .formatted(metric.id(), validation.rows())
              + " another metric or bring more rows.");
    }
    return value;
  }

  /** The answers on the validation rows, with the threshold that is to be used. */
  private Predictions predict(TorchModule module, LabelledRows validation) {
    Predictions answers =
        Answers.of(module, validation, target, threshold == null ? 0.5 : threshold);
    if (threshold != null || !target.isBinary()) {
      return answers;
    }
    return new Predictions(
        answers.labels(),
        answers.probabilities(),
        answers.classes(),
        answers.positive(),
        DecisionThreshold.best(metric, answers).threshold());
  }
}
