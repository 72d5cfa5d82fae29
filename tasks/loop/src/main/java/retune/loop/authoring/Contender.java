package retune.loop.authoring;

import retune.learning.training.Training.Trained;
import retune.model.ModelVersion;

/**
 * A model that was trained for the champion's place.
 *
 * @param seconds that its training took, pre-training included
 */
record Contender(ModelFamily family, Trained trained, Measured measured, double seconds) {
  ModelVersion version() {
    return trained.content().version();
  }
}
