package retune.model.batch;

import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bson.Document;
import retune.runtime.StepContext;

/**
 * The days that the rows of a training set were collected from, as the collection {@code
 * training_sets} has them.
 *
 * @param days in the order of their rows; at least one
 */
public record CollectedDays(List<Day> days) {
  public static final String COLLECTION = "training_sets";

  /**
   * The rows of a day.
   *
   * @param first position of its first row in the set
   */
  public record Day(LocalDate date, int first, int rows) {}

  /** The days of a set; empty for a batch that is none. */
  public static Optional<CollectedDays> find(StepContext context, String dataPath) {
    return context
        .store()
        .events()
        .find(COLLECTION, dataPath)
        .map(
            set ->
                new CollectedDays(
                    set.getList("days", Document.class).stream()
                        .map(
                            day ->
                                new Day(
                                    LocalDate.parse(day.getString("logical_date")),
                                    day.getInteger("first"),
                                    day.getInteger("rows")))
                        .toList()));
  }

  /** The age of each row on the last of the days, in days. */
  public int[] ages() {
    Day last = days.getLast();
    int[] ages = new int[last.first + last.rows];
    for (Day day : days) {
      int age = (int) ChronoUnit.DAYS.between(day.date, last.date);
      Arrays.fill(ages, day.first, day.first + day.rows, age);
    }
    return ages;
  }
}
