package retune.core.preprocessing;

import java.time.LocalDateTime;
import java.util.Locale;

/** A feature made of a date or time. */
public enum DatePart {
  MONTH,
  DAY,
  DAY_OF_WEEK,
  HOUR,
  YEAR,
  DAY_OF_YEAR,
  /** Days since 1970-01-01, with the time of day as a fraction. */
  ELAPSED_DAYS;

  private static final double SECONDS_A_DAY = 86_400;

  /** The feature's name: {@code signed_day_of_week} for a column {@code signed}. */
  public String feature(String column) {
    return column + "_" + name().toLowerCase(Locale.ROOT);
  }

  /** The part of that date: months, days and days of the week count from 1, Monday is 1. */
  double of(LocalDateTime date) {
    return switch (this) {
      case MONTH -> date.getMonthValue();
      case DAY -> date.getDayOfMonth();
      case DAY_OF_WEEK -> date.getDayOfWeek().getValue();
      case HOUR -> date.getHour();
      case YEAR -> date.getYear();
      case DAY_OF_YEAR -> date.getDayOfYear();
      case ELAPSED_DAYS ->
          date.toLocalDate().toEpochDay() + date.toLocalTime().toSecondOfDay() / SECONDS_A_DAY;
    };
  }
}
