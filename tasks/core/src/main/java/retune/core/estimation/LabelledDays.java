package retune.core.estimation;

import java.util.List;
import retune.core.statistics.NormalApproximation;

/**
 * What labelled batches tell about estimates: by how much the metric of the true labels differs
 * from its estimate there. The differences of several batches are combined by the random-effects
 * model of DerSimonian and Laird (1986), because a difference may also change from day to day.
 *
 * @param mean of the differences, truth minus estimate
 * @param standardError of the mean
 * @param betweenDays standard deviation of the true differences of days; 0 for one batch
 * @param rows labelled rows of all batches
 */
public record LabelledDays(double mean, double standardError, double betweenDays, int rows) {
  /**
   * A labelled batch.
   *
   * @param truth the metric of the true labels
   * @param estimate of the same rows, without looking at the labels
   */
  public record Day(double truth, PerformanceEstimate estimate, int rows) {
    double difference() {
      return truth - estimate.value();
    }

    double variance() {
      return Math.max(estimate.standardError() * estimate.standardError(), LEAST_VARIANCE);
    }
  }

  /** A batch whose labels are certain by the model's probabilities weighs much, not all. */
  private static final double LEAST_VARIANCE = 1e-8;

  /** Combines labelled batches, at least one. */
  public static LabelledDays of(List<Day> days) {
    double fixed = 0;
    double fixedSquares = 0;
    double weighted = 0;
    for (Day day : days) {
      double weight = 1 / day.variance();
      fixed += weight;
      fixedSquares += weight * weight;
      weighted += weight * day.difference();
    }
    double common = weighted / fixed;
    double heterogeneity = 0;
    for (Day day : days) {
      double deviation = day.difference() - common;
      heterogeneity += deviation * deviation / day.variance();
    }
    double scale = fixed - fixedSquares / fixed;
    double between =
        days.size() == 1 ? 0 : Math.max(0, (heterogeneity - (days.size() - 1)) / scale);
    double total = 0;
    double mean = 0;
    for (Day day : days) {
      double weight = 1 / (day.variance() + between);
      total += weight;
      mean += weight * day.difference();
    }
    return new LabelledDays(
        mean / total,
        Math.sqrt(1 / total),
        Math.sqrt(between),
        days.stream().mapToInt(Day::rows).sum());
  }

  /** An estimate corrected by the mean difference, with an error that takes all into account. */
  public NormalApproximation correct(PerformanceEstimate estimate) {
    double within = estimate.standardError();
    return new NormalApproximation(
        estimate.value() + mean,
        Math.sqrt(within * within + standardError * standardError + betweenDays * betweenDays));
  }

  /**
   * The probability of such a mean difference, or a greater one, where the model's probabilities
   * hold.
   */
  public double pValue() {
    return new NormalApproximation(mean, standardError).pValue(0);
  }
}
