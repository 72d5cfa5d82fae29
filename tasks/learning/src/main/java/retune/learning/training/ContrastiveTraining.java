package retune.learning.training;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.Torch;
import retune.learning.torch.TorchModule;
import retune.learning.torch.TorchModule.Method;
import retune.model.Architecture;
import retune.model.ModelVersion.Epoch;
import retune.model.Weights;

/**
 * Pre-trains an encoder without labels: two corrupted views of one row get similar vectors, views
 * of different rows do not (SimCLR: Chen et al., 2020; for tables SCARF: Bahri et al., 2022). The
 * loss is computed on a projection of the vectors, a head that is discarded after training. Dropout
 * makes the views differ further.
 *
 * @param epochs passes over the rows, at least 1
 * @param learningRate Adam's step size
 * @param batchSize rows per step: each view is contrasted with 2 × batchSize − 2 others
 * @param temperature see {@link ContrastiveLoss}
 * @param corruption share of a view's features that are replaced, 0 … 1
 */
record ContrastiveTraining(
    int epochs,
    double learningRate,
    int batchSize,
    float temperature,
    double corruption,
    long seed) {

  /**
   * The encoder after the last epoch.
   *
   * @param history one entry per epoch, without validation metrics
   */
  record Outcome(Weights encoder, List<Epoch> history) {}

  /**
   * Trains a new encoder.
   *
   * @param log receives one line per epoch
   */
  Outcome run(
      Architecture architecture, Features features, Progress progress, Consumer<String> log) {
    if (features.rows() < 2) {
      throw new InvalidInputException(
          "The table has %d rows to pre-train on; contrastive learning needs at least 2."
              .formatted(features.rows()));
    }
    SplittableRandom random = new SplittableRandom(seed);
    Weights initial =
        InitialWeights.of(architecture, features.schema(), architecture.encodedSize(), random);
    try (TorchModule module = new TorchModule(architecture, features.schema(), initial);
        NDManager manager = Torch.newManager()) {
      module.train(name -> true);
      Torch.seed(seed);
      int rows = Math.min(batchSize, features.rows());
      ContrastiveLoss contrastive = new ContrastiveLoss(manager, rows, temperature);
      Optimization optimization = new Optimization(module, learningRate);
      List<Epoch> history = new ArrayList<>();
      for (int epoch = 1; epoch <= epochs; epoch++) {
        double lossSum = 0;
        // Drops the smaller last batch, an easier task; each epoch drops other rows.
        int batches = features.rows() / rows;
        long done = (epoch - 1L) * batches;
        List<int[]> order = BatchOrder.shuffled(features.rows(), rows, random);
        for (int[] batch : order.subList(0, batches)) {
          lossSum += step(module, features, batch, random, optimization, contrastive);
          progress.report("pre-training", ++done, (long) epochs * batches);
        }
        double loss = lossSum / batches;
        log.accept(TrainingLog.pretrain(epoch, loss));
        history.add(new Epoch(epoch, loss, Map.of()));
      }
      return new Outcome(InitialWeights.encoderOf(module.weights()), history);
    }
  }

  private float step(
      TorchModule module,
      Features features,
      int[] batch,
      RandomGenerator random,
      Optimization optimization,
      ContrastiveLoss contrastive) {
    FeatureCorruption views = new FeatureCorruption(corruption);
    FeatureRows input = new FeatureRows(views.twoViews(features, batch, random));
    return optimization.step(
        scope -> contrastive.of(module.call(Method.FORWARD, input.arrays(scope), true)));
  }
}
