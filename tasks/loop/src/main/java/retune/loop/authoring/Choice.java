package retune.loop.authoring;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Interval;
import retune.core.statistics.PairedBootstrap;

/**
 * The better of two models, chosen on the validation rows.
 *
 * @param difference by how much the chosen one's metric is higher, at least 0
 * @param interval of the difference, by the paired bootstrap
 */
record Choice(Contender chosen, Contender other, double difference, Interval interval) {
  /** The metric that chose the epoch and the decision threshold of both. */
  static final Metric METRIC = Metric.F1_MACRO;

  private static final double CONFIDENCE = 0.95;

  /**
   * Chooses the model with the higher metric; of equal ones the trees, whose answers cost less.
   *
   * @param seed of the resamples
   */
  static Choice of(Contender one, Contender another, long seed) {
    List<Contender> ordered =
        List.of(one, another).stream()
            .sorted(Comparator.comparingDouble(Choice::value).thenComparing(Contender::family))
            .toList();
    Predictions lower = ordered.getFirst().measured().validation();
    Predictions higher = ordered.getLast().measured().validation();
    return new Choice(
        ordered.getLast(),
        ordered.getFirst(),
        METRIC.of(higher) - METRIC.of(lower),
        new PairedBootstrap(seed, PairedBootstrap.RESAMPLES)
            .differences(Set.of(METRIC), lower, higher)
            .values()
            .iterator()
            .next()
            .interval(CONFIDENCE));
  }

  private static double value(Contender contender) {
    return METRIC.of(contender.measured().validation());
  }

  /** Whether the interval leaves no doubt which is better. */
  boolean isSure() {
    return interval.low() > 0;
  }

  /** Which is better, by how much, and what follows, in two sentences. */
  String sentence() {
    return String.format(
            Locale.ROOT,
            "On %,d validation rows %s is %.4f for %s and %.4f for %s, a difference of %.4f (95 %%"
                + " interval %.4f to %.4f).",
            chosen.measured().validation().rows(),
            METRIC.title(),
            value(chosen),
            chosen.family().title(),
            value(other),
            other.family().title(),
            difference,
            interval.low(),
            interval.high())
        + " "
        + (isSure()
            ? "The champion is %s.".formatted(chosen.family().title())
            : "The rows do not tell which is better; the champion is %s, with the higher value."
                .formatted(chosen.family().title()));
  }
}
