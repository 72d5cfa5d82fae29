package retune.core.triggers;

import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.time.temporal.TemporalAdjusters;

/** Times at which something happens by itself, UTC, which has no daylight saving. */
public enum Calendar {
  /** Each midnight. */
  DAILY("every day at 00:00 UTC") {
    @Override
    public Instant last(Instant now) {
      return now.truncatedTo(ChronoUnit.DAYS);
    }

    @Override
    public Instant next(Instant now) {
      return last(now).plus(1, ChronoUnit.DAYS);
    }
  },
  /** At 00:00, 06:00, 12:00 and 18:00. */
  SIX_HOURS("every six hours, from 00:00 UTC") {
    @Override
    public Instant last(Instant now) {
      long seconds = Duration.ofHours(6).toSeconds();
      return Instant.ofEpochSecond(Math.floorDiv(now.getEpochSecond(), seconds) * seconds);
    }

    @Override
    public Instant next(Instant now) {
      return last(now).plus(6, ChronoUnit.HOURS);
    }
  },
  /** Each Sunday at 03:00. */
  WEEKLY("every Sunday at 03:00 UTC") {
    private static final LocalTime AT = LocalTime.of(3, 0);

    @Override
    public Instant last(Instant now) {
      LocalDate sunday = date(now).with(TemporalAdjusters.previousOrSame(DayOfWeek.SUNDAY));
      Instant time = at(sunday, AT);
      return time.isAfter(now) ? at(sunday.minusWeeks(1), AT) : time;
    }

    @Override
    public Instant next(Instant now) {
      return at(date(last(now)).plusWeeks(1), AT);
    }
  },
  /** Each first day of a month at 02:00. */
  MONTHLY("on the 1st of every month at 02:00 UTC") {
    private static final LocalTime AT = LocalTime.of(2, 0);

    @Override
    public Instant last(Instant now) {
      LocalDate first = date(now).withDayOfMonth(1);
      Instant time = at(first, AT);
      return time.isAfter(now) ? at(first.minusMonths(1), AT) : time;
    }

    @Override
    public Instant next(Instant now) {
      return at(date(last(now)).plusMonths(1), AT);
    }
  };

  private final String words;

  Calendar(String words) {
    this.words = words;
  }

  /** The latest of its times that is not after now. */
  public abstract Instant last(Instant now);

  /** The first of its times that is after now. */
  public abstract Instant next(Instant now);

  /** When, for people. */
  public String words() {
    return words;
  }

  private static LocalDate date(Instant instant) {
    return ZonedDateTime.ofInstant(instant, ZoneOffset.UTC).toLocalDate();
  }

  private static Instant at(LocalDate date, LocalTime time) {
    return date.atTime(time).toInstant(ZoneOffset.UTC);
  }
}
