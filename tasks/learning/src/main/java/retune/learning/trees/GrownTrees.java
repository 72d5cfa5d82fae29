package retune.learning.trees;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.metrics.DecisionThreshold;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.learning.training.ClassifierTraining;
import retune.learning.trees.Boosting.Grown;
import retune.learning.trees.Boosting.Losses;
import retune.model.Architecture;
import retune.model.Architecture.Trees.Input;
import retune.model.ModelVersion.Epoch;
import retune.model.ModelVersion.Golden;
import retune.model.Weights;
import retune.model.engine.Outputs;
import retune.model.importing.IdentityHead;
import retune.model.trees.TreeInputs;

/**
 * Trees that were boosted, as parts of a version.
 *
 * @param inputs what the trees ask for, in order
 */
record GrownTrees(List<Input> inputs, Target target, Grown grown) {
  /** Rows that a version contains together with XGBoost's answers. */
  private static final int GOLDEN_ROWS = 8;

  private static final double EVEN_THRESHOLD = 0.5;

  Architecture.Trees architecture() {
    int outputs = grown.forest().outputs();
    return new Architecture.Trees(inputs, outputs, IdentityHead.hidden(outputs), 0);
  }

  Weights weights() {
    return IdentityHead.on(grown.forest(), inputs.stream().map(Input::feature).toList(), target);
  }

  /** The answers for these rows, by the evaluator that answers in production. */
  Predictions answers(TreeRows rows) {
    int classes = target.classes().size();
    TreeInputs columns = TreeInputs.of(architecture(), rows.features().schema());
    float[] row = new float[columns.size()];
    float[] margins = new float[grown.forest().outputs()];
    float[] logits = new float[rows.size() * classes];
    for (int i = 0; i < rows.size(); i++) {
      columns.fill(rows.features(), rows.rows()[i], row);
      double[] answer = grown.forest().answer(row);
      for (int output = 0; output < answer.length; output++) {
        margins[output] = (float) answer[output];
      }
      System.arraycopy(logits(margins), 0, logits, i * classes, classes);
    }
    return Outputs.of(logits, target, EVEN_THRESHOLD).against(rows.selectedLabels());
  }

  /**
   * Answers with the decision threshold that suits the metric best; of more than two classes, as
   * they are.
   *
   * @throws retune.core.InvalidInputException if the metric is not defined on these rows
   */
  static Predictions withBestThreshold(Metric metric, Predictions answers) {
    if (!answers.isBinary()) {
      return answers;
    }
    DecisionThreshold best = DecisionThreshold.best(metric, answers);
    ClassifierTraining.defined(metric, best.value(), answers.rows());
    return answers.withThreshold(best.threshold());
  }

  /** One entry per round, with those that were not kept. */
  List<Epoch> history() {
    List<Losses> losses = grown.losses();
    return IntStream.range(0, losses.size())
        .mapToObj(
            i ->
                new Epoch(
                    i + 1,
                    losses.get(i).training(),
                    Map.of("log_loss", losses.get(i).validation())))
        .toList();
  }

  /**
   * XGBoost's own answers, by which every engine is checked before the version is deployed.
   *
   * @param validation the rows that boosting was stopped by
   */
  Golden golden(Features validation) {
    int count = Math.min(GOLDEN_ROWS, validation.rows());
    Features few = validation.select(IntStream.range(0, count).toArray());
    float[][] logits = new float[count][];
    for (int row = 0; row < count; row++) {
      logits[row] = logits(grown.margins()[row]);
    }
    return new Golden(few.codes(), few.numbers(), logits);
  }

  private float[] logits(float[] margins) {
    return logits(target, margins);
  }

  /** A row's logits, from XGBoost's outputs for it. */
  static float[] logits(Target target, float[] margins) {
    if (!target.isBinary()) {
      return margins;
    }
    float[] logits = new float[2];
    logits[target.positiveIndex()] = margins[0];
    return logits;
  }
}
