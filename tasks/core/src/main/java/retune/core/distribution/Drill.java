package retune.core.distribution;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import retune.core.InvalidInputException;

/**
 * A fault that is injected into generated rows on purpose, to test that it is noticed.
 *
 * @param strength 0 (the rows stay as they are) … 1
 */
public record Drill(Kind kind, double strength) {
  /** What goes wrong. */
  public enum Kind {
    NONE,
    /**
     * The marginals of the features move; the labels stay. The standard normal value z at a value's
     * rank becomes (1 + 0.5 strength) z + 1.5 strength: numbers move to their upper quantiles and
     * spread out, and categories shift towards the later ones.
     */
    COVARIATE_DRIFT,
    /**
     * The meaning of the labels changes; the features stay. In a segment of the rows, each class
     * becomes the next one. The segment holds the lowest values of one relevant column; its share
     * of the rows that have a value there is the strength. The new relation is as learnable as the
     * old one.
     */
    CONCEPT_DRIFT,
    /**
     * A share of the labels, the strength, is drawn again from the class shares; at 1, no label
     * depends on the features.
     */
    LABEL_NOISE,
    /**
     * Values go missing, each with the strength as its probability, in the half of the columns that
     * differ most between the classes.
     */
    MISSING_BURST,
    /**
     * Of texts: each word of three letters or more has, with the strength as its probability, two
     * neighbouring letters swapped.
     */
    TYPOS,
    /**
     * Of texts: a share of them, the strength, is about topics that no class is about. Their words,
     * but those of most classes, become words that no text had, and they have no label.
     */
    NEW_INTENTS,
    /**
     * Of texts: a share of the classes, the strength, the most frequent first, change their labels
     * in pairs; at least one pair does.
     */
    SWAPPED_LABELS
  }

  private static final Set<Kind> OF_TEXTS =
      EnumSet.of(Kind.NONE, Kind.LABEL_NOISE, Kind.TYPOS, Kind.NEW_INTENTS, Kind.SWAPPED_LABELS);

  private static final Set<Kind> OF_TABLES = EnumSet.range(Kind.NONE, Kind.MISSING_BURST);

  public static final Drill NONE = new Drill(Kind.NONE, 0);

  public Drill {
    if (!(strength >= 0 && strength <= 1)) {
      throw new InvalidInputException(
          "The drill's strength is " + strength + "; give a number from 0 to 1.");
    }
  }

  /**
   * Refuses a drill that the rows cannot have.
   *
   * @param texts whether the rows are texts, and not a table's columns
   */
  void requireOf(boolean texts) {
    Set<Kind> possible = texts ? OF_TEXTS : OF_TABLES;
    if (!possible.contains(kind)) {
      throw new InvalidInputException(
          "The drill '%s' does not work on %s; choose one of %s."
              .formatted(
                  id(kind),
                  texts ? "texts" : "a table's columns",
                  possible.stream().map(Drill::id).collect(Collectors.joining(", "))));
    }
  }

  private static String id(Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
