package retune.core.data;

import java.util.Collection;
import java.util.List;

/**
 * The two columns by which a source may say who gave each label. A table that has both has them for
 * that, not as features.
 */
public final class LabelMarks {
  /** {@code person} or empty where a person gave the label, anything else where a model did. */
  public static final String SOURCE = "label_source";

  /** That model's confidence, 0 … 1. */
  public static final String CONFIDENCE = "confidence";

  private LabelMarks() {}

  /** Both columns; none if one of the two is not among the names. */
  public static List<String> among(Collection<String> columns) {
    List<String> marks = List.of(SOURCE, CONFIDENCE);
    return columns.containsAll(marks) ? marks : List.of();
  }
}
