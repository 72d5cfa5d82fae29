package retune.model.engine;

import retune.model.ModelVersion;
import retune.model.Weights;

/** Opens PyTorch engines. A service, because not every class path has PyTorch's native library. */
public interface PyTorch {
  /** Whether the native library is on the class path; the provider may be there without it. */
  boolean isAvailable();

  /** An engine for the version. The caller closes it. */
  Engine open(ModelVersion version, Weights weights);
}
