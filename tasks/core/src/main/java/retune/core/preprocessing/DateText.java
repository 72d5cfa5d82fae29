package retune.core.preprocessing;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.format.ResolverStyle;
import java.time.temporal.TemporalAccessor;
import java.util.Locale;
import java.util.Optional;

/**
 * Dates and times in ISO 8601: {@code 2026-11-05} or {@code 2026-11-05T09:30}, with a T or a space
 * before the time, and optionally an offset after it. No other order of day and month is guessed.
 */
public final class DateText {
  private static final int DATE_LENGTH = "2026-11-05".length();
  private static final DateTimeFormatter FORMAT =
      new DateTimeFormatterBuilder()
          .append(DateTimeFormatter.ISO_LOCAL_DATE)
          .optionalStart()
          .appendLiteral('T')
          .append(DateTimeFormatter.ISO_LOCAL_TIME)
          .optionalStart()
          .appendOffsetId()
          .toFormatter(Locale.ROOT)
          .withResolverStyle(ResolverStyle.STRICT);

  private DateText() {}

  /** The date and time, converted to UTC if it has an offset; empty if the text is not a date. */
  public static Optional<LocalDateTime> parse(String text) {
    String trimmed = text.strip();
    // This check comes first, because an exception for each value of a long text column is slow.
    if (trimmed.length() < DATE_LENGTH || trimmed.charAt(4) != '-' || trimmed.charAt(7) != '-') {
      return Optional.empty();
    }
    String joined =
        trimmed.length() > DATE_LENGTH && trimmed.charAt(DATE_LENGTH) == ' '
            ? trimmed.substring(0, DATE_LENGTH) + 'T' + trimmed.substring(DATE_LENGTH + 1)
            : trimmed;
    try {
      TemporalAccessor parsed =
          FORMAT.parseBest(joined, OffsetDateTime::from, LocalDateTime::from, LocalDate::from);
      return Optional.of(
          switch (parsed) {
            case OffsetDateTime time ->
                time.withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime();
            case LocalDateTime time -> time;
            default -> LocalDate.from(parsed).atStartOfDay();
          });
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }
}
