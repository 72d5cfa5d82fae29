package retune.core.distribution;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.Optional;
import retune.core.data.Column;
import retune.core.preprocessing.DateText;

/** Dates as numbers: days since 1970-01-01, with the time of day, to the second, as a fraction. */
final class Days {
  private static final double SECONDS = LocalTime.MAX.toSecondOfDay() + 1;

  private Days() {}

  /**
   * The values of a column of ISO 8601 dates that has too many of them for categories; NaN if
   * missing. Empty for every other column.
   */
  static Optional<double[]> ofMany(Column.Texts column) {
    long distinct = Arrays.stream(column.values()).distinct().limit(Category.MOST + 2L).count();
    return distinct > Category.MOST ? of(column) : Optional.empty();
  }

  /** The values of a column of ISO 8601 dates, NaN if missing; empty if a value is not a date. */
  static Optional<double[]> of(Column.Texts column) {
    double[] days = new double[column.rows()];
    for (int row = 0; row < days.length; row++) {
      String text = column.text(row);
      Optional<LocalDateTime> date =
          text == null ? Optional.of(LocalDate.EPOCH.atStartOfDay()) : DateText.parse(text);
      if (date.isEmpty()) {
        return Optional.empty();
      }
      days[row] = text == null ? Double.NaN : of(date.get());
    }
    return Optional.of(days);
  }

  /** The date, and with {@code times} the time of day. */
  static String text(double days, boolean times) {
    if (!times) {
      return LocalDate.ofEpochDay(Math.round(days)).toString();
    }
    return LocalDate.EPOCH.atStartOfDay().plusSeconds(Math.round(days * SECONDS)).toString();
  }

  private static double of(LocalDateTime date) {
    return date.toLocalDate().toEpochDay() + date.toLocalTime().toSecondOfDay() / SECONDS;
  }
}
