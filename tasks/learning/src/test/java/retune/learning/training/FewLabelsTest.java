package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.finetuning.Schedule;
import retune.core.metrics.Metric;
import retune.learning.Examples;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.TorchModule;
import retune.model.Architecture;
import retune.model.Weights;

/**
 * Rows come from sixteen groups, each with its usual code in every column; eight of the groups have
 * the label 1. Without labels one can learn the groups, and then a few labels name them.
 */
class FewLabelsTest {
  private static final Architecture ARCHITECTURE =
      new Architecture.Mlp(8, List.of(64, 32), 32, 0.1);
  private static final int GROUPS = 16;
  private static final int COLUMNS = 10;
  private static final int CODES = 5;
  private static final FeatureSchema SCHEMA =
      new FeatureSchema(
          IntStream.range(0, COLUMNS).mapToObj(i -> new Categorical("c" + i, CODES)).toList(),
          List.of());

  /** How likely a row has its group's usual code. */
  private static final double USUAL = 0.7;

  @Test
  void aFewLabelsGoFurtherFromAPretrainedEncoder() {
    Weights encoder =
        new ContrastiveTraining(20, 1e-3, 128, 0.5f, 0.3, 1)
            .run(
                ARCHITECTURE,
                ((FeatureRows) rows(3000, 1).input()).features(),
                (what, done, total) -> {},
                line -> {})
            .encoder();
    double scratch = 0;
    double pretrained = 0;
    for (int seed = 1; seed <= 3; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      Weights initial = InitialWeights.of(ARCHITECTURE, SCHEMA, 2, random);
      scratch += auc(initial, seed) / 3;
      pretrained +=
          auc(InitialWeights.withHead(encoder, ARCHITECTURE, SCHEMA, 2, random), seed) / 3;
    }
    assertTrue(pretrained > scratch + 0.03, scratch + " from scratch, then " + pretrained);
  }

  /** AUC on further rows after training on 32 labelled ones. */
  private static double auc(Weights initial, long seed) {
    try (TorchModule module = new TorchModule(ARCHITECTURE, SCHEMA, initial)) {
      return new ClassifierTraining(
              Examples.TARGET,
              0.5,
              Metric.ROC_AUC,
              true,
              Schedule.Epochs.exactly(25),
              1e-3,
              16,
              seed)
          .run(module, rows(32, 100 + seed), rows(600, 200), (what, done, total) -> {}, line -> {})
          .validation()
          .rocAuc();
    }
  }

  private static LabelledRows rows(int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] codes = new int[COLUMNS][rows];
    int[] labels = new int[rows];
    for (int row = 0; row < rows; row++) {
      int group = random.nextInt(GROUPS);
      labels[row] = Integer.bitCount(group) % 2;
      for (int column = 0; column < COLUMNS; column++) {
        codes[column][row] =
            random.nextDouble() < USUAL ? usual(group, column) : random.nextInt(CODES);
      }
    }
    return new LabelledRows(
        new FeatureRows(new Features(SCHEMA, rows, codes, new float[0][])), labels);
  }

  /** Each column orders the groups in its own way. */
  private static int usual(int group, int column) {
    return new SplittableRandom(31L * group + column).nextInt(CODES);
  }
}
