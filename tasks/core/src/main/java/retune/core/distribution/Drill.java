package retune.core.distribution;

import retune.core.InvalidInputException;

/**
 * A fault put into generated rows on purpose, to see that it is noticed.
 *
 * @param strength 0 (the rows as they would be without a drill) … 1
 */
public record Drill(Kind kind, double strength) {
  /** What goes wrong. */
  public enum Kind {
    NONE,
    /**
     * The features' marginals move, labels stay: the standard normal value z at a value's rank
     * becomes (1 + 0.5 strength) z + 1.5 strength, so that numbers go to their upper quantiles and
     * spread out, and categories tilt to the later ones.
     */
    COVARIATE_DRIFT,
    /**
     * Labels mean something else, the features' marginals stay: each class takes the name of the
     * next one in a segment of the rows, those with the lowest values of one relevant column. The
     * strength is the segment's share of the rows that have a value there. The new relation is as
     * learnable as the old one.
     */
    CONCEPT_DRIFT,
    /**
     * A share of the labels, the strength, is drawn anew from the class shares; at 1 no label
     * depends on the features.
     */
    LABEL_NOISE,
    /**
     * Each value of the half of the columns that differ most between the classes vanishes with a
     * probability of the strength.
     */
    MISSING_BURST
  }

  public static final Drill NONE = new Drill(Kind.NONE, 0);

  public Drill {
    if (!(strength >= 0 && strength <= 1)) {
      throw new InvalidInputException(
          "The drill's strength is " + strength + "; give a number from 0 to 1.");
    }
  }
}
