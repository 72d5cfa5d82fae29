package retune.core.judgement;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import retune.core.InvalidInputException;

/**
 * When enough labels of a day have come to judge by. Early labels are a biased sample: who defaults
 * at once is known first. So a share alone does not suffice, unless every row has its label.
 *
 * @param share the least share of rows with a label, 0 … 1
 * @param days the least age of the day
 */
public record LabelMaturity(double share, int days) {
  public LabelMaturity {
    if (!(share >= 0 && share <= 1) || days < 0) {
      throw new InvalidInputException(
          "Labels mature at a share of %s and after %d days; give a share from 0 to 1 and 0 or more days."
              .formatted(share, days));
    }
  }

  /**
   * What is known of a day's labels.
   *
   * @param ageDays whole days from the date to now, both in UTC; negative for a day to come
   */
  public record Labels(LocalDate date, int labelled, int rows, long ageDays) {
    public static Labels at(Instant now, LocalDate date, int labelled, int rows) {
      LocalDate today = LocalDate.ofInstant(now, ZoneOffset.UTC);
      return new Labels(date, labelled, rows, ChronoUnit.DAYS.between(date, today));
    }

    public double share() {
      return rows == 0 ? 0 : (double) labelled / rows;
    }

    /** {@code 920 of 1000 rows (92 %) of 2026-11-05 have a label after 14 days}. */
    public String sentence() {
      return String.format(
          Locale.ROOT,
          "%d of %d rows (%.0f %%) of %s have a label after %d %s",
          labelled,
          rows,
          Math.floor(100 * share()),
          date,
          ageDays,
          ageDays == 1 ? "day" : "days");
    }
  }

  /** Whether a verdict may rest on these labels. */
  public boolean isReachedBy(Labels labels) {
    boolean all = labels.rows > 0 && labels.labelled == labels.rows;
    return all || (labels.labelled > 0 && labels.share() >= share && labels.ageDays >= days);
  }

  /** Why there is no verdict, in a sentence. */
  public String wait(Labels labels) {
    return "No verdict yet: %s.".formatted(lack(labels));
  }

  /** What there is and what it takes, as a clause. */
  public String lack(Labels labels) {
    return String.format(
        Locale.ROOT,
        "%s; it takes %s %% after %d days, or all of them, because early labels are biased",
        labels.sentence(),
        percent(share),
        days);
  }

  private static String percent(double share) {
    double percent = 100 * share;
    return percent == Math.rint(percent)
        ? Long.toString(Math.round(percent))
        : String.format(Locale.ROOT, "%.1f", percent);
  }
}
