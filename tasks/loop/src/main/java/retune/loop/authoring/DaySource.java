package retune.loop.authoring;

import org.jspecify.annotations.Nullable;
import retune.core.distribution.HeldBackTexts;

/** Where a new loop's days come from. */
sealed interface DaySource {
  /** What the user writes in place of a path. */
  String QUERIES = "queries";

  /** A file for each day; {@code path} has {date} for the day. */
  record Files(String path) implements DaySource {}

  /** What users ask the prediction service. */
  record Queries() implements DaySource {}

  /** Rows drawn from the distribution of the table. */
  record Distribution() implements DaySource {
    /** Enough to measure the gate's metric to a hundredth, in seconds. */
    static final int ROWS_A_DAY = 10_000;
  }

  /** Rows drawn from texts that the first training did not see; days repeat texts. */
  record HeldBack(int texts) implements DaySource {
    private static final int MOST_FOR_ALL = 500;

    /** All of few texts, half of many, so that days differ. */
    int rowsADay() {
      return texts <= MOST_FOR_ALL ? texts : Math.max(MOST_FOR_ALL, texts / 2);
    }
  }

  /**
   * The source that the user chose.
   *
   * @param days a path with {date}, or {@link #QUERIES}; null to draw the days
   */
  static DaySource of(@Nullable String days, @Nullable HeldBackTexts heldBack) {
    if (days != null) {
      return days.equals(QUERIES) ? new Queries() : new Files(days);
    }
    return heldBack == null ? new Distribution() : new HeldBack(heldBack.rows());
  }
}
