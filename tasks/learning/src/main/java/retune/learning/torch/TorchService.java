package retune.learning.torch;

import com.google.auto.service.AutoService;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Engine;
import retune.model.engine.PyTorch;

/** Offers {@link TorchEngine} to whoever opens an engine. */
@AutoService(PyTorch.class)
public final class TorchService implements PyTorch {
  /** The light steps' class path has this module, to name its steps, but not DJL. */
  @Override
  public boolean isAvailable() {
    return TorchService.class.getResource("/ai/djl/pytorch/engine/PtEngine.class") != null;
  }

  @Override
  public Engine open(ModelVersion version, Weights weights) {
    return new TorchEngine(version, weights);
  }
}
