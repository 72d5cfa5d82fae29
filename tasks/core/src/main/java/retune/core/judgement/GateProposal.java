package retune.core.judgement;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;

/**
 * A threshold that a new model should pass: its score minus a sampling margin.
 *
 * <p>The model is measured on validation rows and on generated rows, if there are any, and the
 * lower value counts, because a day of the loop may have either. The margin is twice the standard
 * error of the validation value ({@link Influence#standardError}), at least {@value #LEAST_MARGIN}.
 * Where F1 less the margin is at least {@value #USUAL_THRESHOLD}, the gate is the usual one;
 * otherwise it is macro F1, rounded down to a hundredth, which weighs all classes alike.
 *
 * @param validation the gate's metric on validation rows
 * @param generated the gate's metric on generated rows; NaN if there are none
 * @param margin how much the metric may fall by chance, before rounding
 * @param guessing the gate's metric of the better of two baselines that ignore the row: the best
 *     constant answer, and the model's own answers shuffled
 */
public record GateProposal(
    Gate gate, double validation, double generated, double margin, double guessing) {
  private static final double USUAL_THRESHOLD = 0.75;
  private static final double LEAST_MARGIN = 0.02;
  private static final double STANDARD_ERRORS = 2;

  /**
   * Proposes a gate.
   *
   * @param validation rows that the model did not learn from
   * @param generated rows drawn from the learned distribution; null if none was learned
   */
  public static GateProposal of(Predictions validation, @Nullable Predictions generated) {
    GateProposal usual = of(Metric.F1_SCORE, validation, generated);
    return usual.supported() >= USUAL_THRESHOLD
        ? usual.withThreshold(USUAL_THRESHOLD)
        : of(Metric.F1_MACRO, validation, generated);
  }

  private static GateProposal of(
      Metric metric, Predictions validation, @Nullable Predictions generated) {
    double value = metric.of(validation);
    double ofGenerated = generated == null ? Double.NaN : metric.of(generated);
    double margin =
        Math.max(LEAST_MARGIN, STANDARD_ERRORS * Influence.of(metric, validation).standardError());
    double supported = lower(value, ofGenerated) - margin;
    double threshold = Math.clamp(Math.floor(supported * 100) / 100, 0, 1);
    return new GateProposal(
        new Gate(metric, threshold),
        value,
        ofGenerated,
        margin,
        Guessing.of(validation).best(metric));
  }

  /** Whether the gate is above what a baseline that ignores the row reaches. */
  public boolean tellsFromGuessing() {
    return gate.threshold() > guessing;
  }

  /** The reason for this gate, in sentences with the numbers. */
  public String reason() {
    String title = gate.metric().title();
    double room = lower(validation, generated) - gate.threshold();
    return String.format(
            Locale.ROOT,
            "%s is %.4f on validation rows%s; the margin for sampling error is %.4f (two standard errors, at least %.2f). The model misses the"
                + " threshold of %.2f when %s falls by more than %.4f. Guessing reaches %.4f.",
            title,
            validation,
            Double.isNaN(generated)
                ? ""
                : String.format(Locale.ROOT, " and %.4f on generated rows", generated),
            margin,
            LEAST_MARGIN,
            gate.threshold(),
            title,
            room,
            guessing)
        + (tellsFromGuessing()
            ? ""
            : " The model is hardly better than guessing: bring more rows or better columns before"
                + " you rely on it.");
  }

  private double supported() {
    return lower(validation, generated) - margin;
  }

  private static double lower(double validation, double generated) {
    return Double.isNaN(generated) ? validation : Math.min(validation, generated);
  }

  private GateProposal withThreshold(double threshold) {
    return new GateProposal(
        new Gate(gate.metric(), threshold), validation, generated, margin, guessing);
  }
}
