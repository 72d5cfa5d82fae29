package retune.core.preprocessing;

import java.time.LocalDateTime;
import java.util.List;

/**
 * A column of dates or times (ISO 8601, UTC where it has an offset); gives one feature a part.
 *
 * @param fill what stands in for a missing value: the median in training
 * @param reason why the column is taken as a date, for people
 */
public record DateColumn(
    String name,
    LocalDateTime fill,
    MissingValues missing,
    List<CategoricalPart> categorical,
    List<NumericPart> numeric,
    String reason) {
  /** A part that gives a categorical feature; its categories are its numbers as text. */
  public record CategoricalPart(DatePart part, Categories categories) {}

  /** A part that gives a numeric feature. */
  public record NumericPart(DatePart part, Scaling scaling) {}

  public DateColumn {
    categorical = List.copyOf(categorical);
    numeric = List.copyOf(numeric);
  }
}
