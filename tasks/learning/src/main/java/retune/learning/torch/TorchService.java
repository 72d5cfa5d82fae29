package retune.learning.torch;

import com.google.auto.service.AutoService;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.PyTorch;

/** Provides {@link TorchEngine} as a service. */
@AutoService(PyTorch.class)
public final class TorchService implements PyTorch {
  /** The class path of light steps has this module, for the steps' names, but not DJL. */
  @Override
  public boolean isAvailable() {
    return TorchService.class.getResource("/ai/djl/pytorch/engine/PtEngine.class") != null;
  }

  @Override
  public Engine open(ModelVersion version, Weights weights) {
    return new TorchEngine(version, weights);
  }
}
