package retune.learning.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.util.List;
import java.util.function.Function;
import retune.learning.torch.Torch;
import retune.learning.torch.TorchModule;

/** Descends a loss by Adam (Kingma and Ba, 2015; β 0.9 and 0.999) in a module's trained weights. */
final class Optimization {
  private final List<Parameter> parameters;
  private final Optimizer optimizer;

  Optimization(TorchModule module, double learningRate) {
    parameters = module.trained();
    optimizer =
        Optimizer.adam().optLearningRateTracker(Tracker.fixed((float) learningRate)).build();
  }

  /**
   * One step.
   *
   * @param loss a single number, computed from arrays of the manager, which lives for this step
   * @return the loss before the step
   */
  float step(Function<NDManager, NDArray> loss) {
    try (NDManager scope = Torch.newManager()) {
      NDArray value;
      try (GradientCollector collector = Torch.newGradientCollector()) {
        value = loss.apply(scope);
        collector.backward(value);
      }
      for (Parameter parameter : parameters) {
        try (NDArray gradient = parameter.getArray().getGradient()) {
          optimizer.update(parameter.getName(), parameter.getArray(), gradient);
        }
      }
      return value.getFloat();
    }
  }
}
