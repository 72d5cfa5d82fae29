package retune.learning.training;

import retune.core.finetuning.Strategy;
import retune.runtime.StepContext;

/** Trains a candidate from the champion; there is one implementation for each family of models. */
public interface CandidateTraining {
  Strategy strategy();

  /** What is trained and how, for the log: {@code the whole network (5 epochs, …)}. */
  String description();

  /** Trains; equal inputs give bit-identical weights on equal machines. */
  Trained train(FinetuningStart start, StepContext context);
}
