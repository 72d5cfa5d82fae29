package retune.learning.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.finetuning.Schedule;
import retune.core.metrics.DecisionThreshold;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.learning.training.BatchOrder;
import retune.learning.training.ClassifierTraining;
import retune.learning.training.Progress;
import retune.learning.training.TrainingLog;
import retune.model.ModelVersion.Epoch;
import retune.model.engine.LinearHead;

/**
 * Trains a linear head with cross-entropy, one text after the other, and keeps the round with the
 * best validation metric. Each weight has a step of its own (AdaGrad; Duchi, Hazan and Singer
 * 2011): a rare word learns in large steps when it comes, a frequent one in small steps. Equal
 * inputs and settings give bit-identical weights.
 *
 * @param threshold probability from which the positive of two classes is predicted, 0 … 1; null to
 *     choose the threshold with the best metric on the validation rows
 * @param metric selects the best round
 * @param classWeights whether to weight the loss by inverse class frequency
 * @param stepSize of AdaGrad, above 0
 * @param batchSize texts that count as one step of the schedule
 * @param seed random seed for shuffling
 */
record SoftmaxRegression(
    Target target,
    @Nullable Double threshold,
    Metric metric,
    boolean classWeights,
    Schedule schedule,
    double stepSize,
    int batchSize,
    long seed) {
  /** Sum of squares that each weight starts with, so that its first step is no leap. */
  private static final float INITIAL_SQUARES = 0.1f;

  private static final double EVEN_THRESHOLD = 0.5;

  /**
   * The best round.
   *
   * @param bestEpoch its number, from 1
   * @param answers its uncalibrated predictions on the validation rows
   * @param history one entry per round, in order
   */
  record Outcome(LinearHead head, int bestEpoch, Predictions answers, List<Epoch> history) {}

  /**
   * Trains from a head, which stays as it is.
   *
   * @param log receives one line per round
   */
  Outcome run(
      LinearHead start,
      EncodedTexts training,
      EncodedTexts validation,
      Progress progress,
      Consumer<String> log) {
    Rounds rounds = new Rounds(start, training);
    List<Epoch> history = new ArrayList<>();
    Outcome best = null;
    double highest = Double.NEGATIVE_INFINITY;
    for (int round = 1; round <= schedule.most(); round++) {
      double loss = rounds.next();
      Predictions answers = answers(rounds.descent.head, validation);
      Evaluation evaluation = Evaluation.of(answers);
      log.accept(TrainingLog.finetune(round, loss, evaluation, metric));
      history.add(new Epoch(round, loss, evaluation.toMap()));
      double value =
          ClassifierTraining.defined(metric, evaluation.value(metric), validation.count());
      if (value > highest) {
        highest = value;
        best = new Outcome(rounds.descent.head.copy(), round, answers, history);
      }
      progress.report("training", round, schedule.most());
      int bestRound = Objects.requireNonNull(best).bestEpoch;
      if (round < schedule.most() && round - bestRound >= schedule.patience()) {
        log.accept(TrainingLog.stopped(round, bestRound, metric));
        break;
      }
    }
    return Objects.requireNonNull(best);
  }

  /**
   * Trains from a head, which stays as it is, for a number of rounds that is known already.
   *
   * @param texts rows of which none is left to choose anything
   */
  LinearHead refit(LinearHead start, EncodedTexts texts, int rounds) {
    Rounds refit = new Rounds(start, texts);
    for (int round = 1; round <= rounds; round++) {
      refit.next();
    }
    return refit.descent.head;
  }

  /** The rounds of a training, one after the other. */
  private final class Rounds {
    private final Descent descent;
    private final BatchOrder order;
    private final int steps;

    Rounds(LinearHead start, EncodedTexts texts) {
      descent = new Descent(start.copy(), texts, lossWeights(texts));
      order = new BatchOrder(texts.count(), batchSize, new SplittableRandom(seed));
      steps = schedule.stepsPerRound(Math.ceilDiv(texts.count(), batchSize));
    }

    /** Learns the texts of the next round and returns their mean loss. */
    double next() {
      double loss = 0;
      int rows = 0;
      for (int[] batch : order.next(steps)) {
        for (int row : batch) {
          loss += descent.step(row);
        }
        rows += batch.length;
      }
      return loss / rows;
    }
  }

  private Predictions answers(LinearHead head, EncodedTexts validation) {
    Predictions answers =
        validation.answers(head, target, threshold == null ? EVEN_THRESHOLD : threshold);
    return threshold != null || !target.isBinary()
        ? answers
        : answers.withThreshold(DecisionThreshold.best(metric, answers).threshold());
  }

  /** The weight of each class in the loss: 1 on average over the rows. */
  private float[] lossWeights(EncodedTexts texts) {
    int[] labels = texts.labels();
    float[] weights = new float[target.classes().size()];
    if (!classWeights) {
      Arrays.fill(weights, 1);
      return weights;
    }
    long present = IntStream.of(labels).distinct().count();
    double[] counts = new double[weights.length];
    double all = 0;
    for (int row = 0; row < labels.length; row++) {
      counts[labels[row]] += texts.weight(row);
      all += texts.weight(row);
    }
    for (int label = 0; label < weights.length; label++) {
      weights[label] = counts[label] == 0 ? 1 : (float) (all / (present * counts[label]));
    }
    return weights;
  }

  /** The head while it is trained. */
  private final class Descent {
    private final LinearHead head;
    private final EncodedTexts texts;
    private final float[] lossWeights;
    private final int classes;
    private final float[] squares;
    private final float[] biasSquares;
    private final float[] gradient;

    Descent(LinearHead head, EncodedTexts texts, float[] lossWeights) {
      this.head = head;
      this.texts = texts;
      this.lossWeights = lossWeights;
      this.classes = head.classes();
      this.squares = new float[head.weights().length];
      this.biasSquares = new float[classes];
      this.gradient = new float[classes];
      Arrays.fill(squares, INITIAL_SQUARES);
      Arrays.fill(biasSquares, INITIAL_SQUARES);
    }

    /** Learns one text and returns its loss before. */
    double step(int row) {
      int at = texts.rows()[row] * texts.size();
      int label = texts.labels()[row];
      float weight = (float) (lossWeights[label] * texts.weight(row));
      head.apply(texts.values(), at, texts.size(), gradient, 0);
      double loss = weight * softmax(label);
      for (int i = 0; i < classes; i++) {
        gradient[i] *= weight;
      }
      descend(head.bias(), biasSquares, 0, 1);
      float[] values = texts.values();
      for (int pair = at; pair < at + texts.size() && values[pair + 1] != 0; pair += 2) {
        descend(head.weights(), squares, ((int) values[pair]) * classes, values[pair + 1]);
      }
      return loss;
    }

    // Turns logits into the gradient of the loss; returns the loss.
    private double softmax(int label) {
      float greatest = Float.NEGATIVE_INFINITY;
      for (float logit : gradient) {
        greatest = Math.max(greatest, logit);
      }
      double sum = 0;
      double ofLabel = gradient[label] - greatest;
      for (int i = 0; i < classes; i++) {
        gradient[i] = (float) Math.exp(gradient[i] - greatest);
        sum += gradient[i];
      }
      float factor = (float) (1 / sum);
      for (int i = 0; i < classes; i++) {
        gradient[i] *= factor;
      }
      gradient[label] -= 1;
      return Math.log(sum) - ofLabel;
    }

    private void descend(float[] weights, float[] squares, int first, float input) {
      float step = (float) stepSize;
      for (int i = 0; i < classes; i++) {
        float slope = gradient[i] * input;
        float square = squares[first + i] + slope * slope;
        squares[first + i] = square;
        weights[first + i] -= step * slope / (float) Math.sqrt(square);
      }
    }
  }
}
