package retune.model.engine;

import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.model.ModelVersion;
import retune.model.ModelVersion.Golden;

/** Checks that an engine reproduces the logits of a version's golden rows. */
public final class GoldenCheck {
  /** Greatest difference allowed, relative to the logit if that is above 1. */
  private static final double TOLERANCE = 1e-4;

  private GoldenCheck() {}

  /**
   * The greatest absolute difference from a golden row's logit, divided by the size of the logit if
   * that is above 1.
   *
   * @return 0 … 1e-4
   * @throws InvalidInputException if it is greater than 1e-4, or the version has no golden rows
   */
  public static double maxDifference(ModelVersion version, Engine engine) {
    Golden golden = golden(version);
    int rows = golden.logits().length;
    int classes = version.target().classes().size();
    Features features =
        new Features(version.preprocessing().schema(), rows, golden.codes(), golden.numbers());
    float[] logits = engine.head(engine.encode(features), rows);
    double greatest = 0;
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < classes; i++) {
        double expected = golden.logits()[row][i];
        double difference =
            Math.abs(logits[row * classes + i] - expected) / Math.max(1, Math.abs(expected));
        if (!(difference <= TOLERANCE)) {
          throw new InvalidInputException(
              "The %s engine gives golden row %d the logit %s where training had %s; do not"
                      .formatted(engine.name(), row, logits[row * classes + i], expected)
                  + " deploy it, and make the version again.");
        }
        greatest = Math.max(greatest, difference);
      }
    }
    return greatest;
  }

  private static Golden golden(ModelVersion version) {
    Golden golden = version.golden();
    if (golden == null || golden.logits().length == 0) {
      throw new InvalidInputException(
          "It has no golden rows to compare with; train it again, training keeps some.");
    }
    return golden;
  }
}
