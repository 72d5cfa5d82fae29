package retune.steps.retraining;

import java.time.LocalDate;

/** Rows that a retraining collects. */
final class TrainingSet {
  /** After every day that a batch can have. */
  static final LocalDate LAST_DAY = LocalDate.of(9999, 12, 31);

  private TrainingSet() {}
}
