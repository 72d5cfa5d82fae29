package retune.model.engine;

import retune.model.ModelVersion;
import retune.model.Weights;

/** PyTorch as an engine. A service, because not every class path has its native library. */
public interface PyTorch {
  /** Whether the library is on the class path; the service's provider can be there without it. */
  boolean isAvailable();

  /** An engine for the version. The caller closes it. */
  Engine open(ModelVersion version, Weights weights);
}
