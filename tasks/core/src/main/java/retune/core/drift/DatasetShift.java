package retune.core.drift;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.statistics.Interval;

/**
 * What kind of change lies between a reference and a batch: of the shares of the classes, of the
 * inputs, or of how the label depends on the inputs (Moreno-Torres et al., 2012, "A unifying view
 * on dataset shift in classification").
 *
 * @param kind what it looks like
 * @param level of each test, so that all together call a batch without a change changed at the rate
 *     of {@link DriftDetector}
 * @param labelled labelled rows of the batch
 * @param shares by class; empty where they are not known and cannot be estimated
 * @param estimated whether the shares of the batch are estimated, by {@link
 *     retune.core.calibration.EstimatedShares}
 * @param labelPValue of equal shares; NaN without labels
 * @param withinClassesPValue of inputs that are alike within each class; NaN where not tested
 * @param classesMoved whether that is below the level, or as low as random divisions make it
 * @param inputsMoved whether any input is beyond its limit
 * @param relation null where it was not tested
 */
public record DatasetShift(
    Kind kind,
    double level,
    int labelled,
    List<ClassShare> shares,
    boolean estimated,
    double labelPValue,
    double withinClassesPValue,
    boolean classesMoved,
    boolean inputsMoved,
    @Nullable RelationTest relation) {
  /** What a change looks like. */
  public enum Kind {
    /** Nothing has changed by more than chance may. */
    NONE,
    /** The shares of the classes have changed; the rows of each class look as before. */
    LABEL_SHIFT,
    /** The inputs have changed; the label depends on them as before. */
    COVARIATE_SHIFT,
    /** The label depends on the inputs in another way. */
    CONCEPT_SHIFT,
    /** The inputs have changed, and the label depends on them in another way. */
    COVARIATE_AND_CONCEPT_SHIFT,
    /** There are no labels, or too few, to tell. */
    NOT_TELLABLE;

    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The same as words. */
    public String words() {
      return id().replace('_', ' ');
    }
  }

  /**
   * A class's share of the rows.
   *
   * @param change batch minus reference
   * @param interval of the change, with a confidence of 95 %
   */
  public record ClassShare(double reference, double current, double change, Interval interval) {}

  static ClassShare share(double reference, double current, Interval ofCurrent) {
    return new ClassShare(
        reference,
        current,
        current - reference,
        new Interval(
            ofCurrent.low() - reference, ofCurrent.high() - reference, ofCurrent.confidence()));
  }
}
