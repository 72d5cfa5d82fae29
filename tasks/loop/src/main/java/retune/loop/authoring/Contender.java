package retune.loop.authoring;

import retune.core.metrics.Predictions;
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

  /** The same with these answers for the validation rows. */
  Contender withValidation(Predictions validation) {
    return new Contender(family, trained, new Measured(validation, measured.holdout()), seconds);
  }
}
