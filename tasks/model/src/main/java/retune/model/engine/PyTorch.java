package retune.model.engine;

import retune.model.ModelVersion;
import retune.model.Weights;

/** PyTorch as an engine: a service, as not every class path has its native library. */
public interface PyTorch {
  /** Whether the library is there: what offers the service can be without it. */
  boolean isAvailable();

  /** An engine for the version; close it after use. */
  Engine open(ModelVersion version, Weights weights);
}
