package retune.core.judgement;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.Verdict.Decision;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.DeLong;
import retune.core.statistics.Influence;
import retune.core.statistics.Interval;
import retune.core.statistics.McNemar;
import retune.core.statistics.NormalApproximation;
import retune.core.statistics.PairedBootstrap;
import retune.core.statistics.SamplingDistribution;

/**
 * A new model beside a baseline on the same rows, and whether it should take the baseline's place.
 * Beside what the {@link Question} asks, the {@link Guards} must hold.
 *
 * @param differences the metrics in the order in which they are told; without those that are not
 *     defined on the rows
 * @param significant whether the rows show that the two differ in the primary metric, whichever is
 *     better
 * @param answers how many rows the new model loses and gains
 * @param checks what the decision rests on
 * @param reason the decision as sentences
 */
public record ComparisonReport(
    Question question,
    Predictions baseline,
    Predictions candidate,
    List<Difference> differences,
    boolean significant,
    McNemar answers,
    Decision decision,
    List<Check> checks,
    String reason) {
  private static final String MEETS_THRESHOLD = "meets_threshold";
  private static final String SIGNIFICANT = "statistically_significant";
  private static final double SMALL = 0.001;

  /** What the difference of two metrics may lack of a threshold that it equals. */
  private static final double ROUNDING = 1e-12;

  /** The metrics in the order of the published report; the log loss is last. */
  private static final List<Metric> METRICS =
      List.of(
          Metric.ACCURACY,
          Metric.PRECISION,
          Metric.RECALL,
          Metric.F1_SCORE,
          Metric.F1_MACRO,
          Metric.F1_WEIGHTED,
          Metric.ROC_AUC);

  /**
   * What is asked of the new model.
   *
   * @param metric the primary metric
   * @param threshold the least improvement of the primary metric
   * @param alpha the level of the tests; intervals have a confidence of 1 − alpha
   * @param policy what decides instead of threshold and significance; null for these
   */
  public record Question(
      Metric metric,
      double threshold,
      double alpha,
      @Nullable PromotionPolicy policy,
      PairedBootstrap bootstrap) {}

  /**
   * A test of the hypothesis that two AUCs of the same rows are equal.
   *
   * @param difference the new model's less the baseline's
   * @param pValue two-sided
   */
  public record AreaTest(double difference, double standardError, double pValue) {}

  public ComparisonReport {
    differences = List.copyOf(differences);
    checks = List.copyOf(checks);
  }

  /**
   * Compares the two.
   *
   * @param input what the question's policy looks at beside the answers
   * @throws retune.core.InvalidInputException if the primary metric is not defined on the rows, or
   *     the policy names a column that they do not have
   */
  public static ComparisonReport of(
      Question question, Predictions baseline, Predictions candidate, PolicyInput input) {
    Comparison comparison = comparison(question, baseline, candidate).with(input);
    comparison.gate().defined(question.metric().of(candidate));
    List<Difference> differences = differences(question, baseline, candidate, true);
    Difference primary = find(differences, question.metric());
    Check threshold = meetsThreshold(question, primary, candidate.rows());
    Check significance = significance(question, primary, comparison);
    PromotionPolicy policy = question.policy();
    List<Check> asked = new ArrayList<>();
    asked.add(policy == null ? threshold : threshold.advisory());
    if (policy == null) {
      asked.add(significance);
    }
    asked.addAll(Guards.of(comparison));
    if (policy != null) {
      asked.addAll(policy.checks(comparison));
    }
    Kind kind = Comparison.kind(asked);
    String approval =
        policy == null
            ? threshold.sentence() + ", and " + significance.sentence()
            : threshold.sentence() + ", and meets the policy '" + policy.text() + "'";
    String reason = Comparison.reason(kind, asked.getFirst(), asked, approval);
    if (policy != null) {
      asked.add(1, significance.advisory());
    }
    return new ComparisonReport(
        question,
        baseline,
        candidate,
        differences,
        isSignificant(question, significance),
        McNemar.of(baseline, candidate),
        kind.decision(),
        asked,
        reason);
  }

  /** The same with checks that it tells, but that do not decide. */
  public ComparisonReport telling(List<Check> more) {
    List<Check> all = new ArrayList<>(checks);
    more.forEach(check -> all.add(check.advisory()));
    return new ComparisonReport(
        question, baseline, candidate, differences, significant, answers, decision, all, reason);
  }

  /**
   * Shows what a verdict of a loop rests on: checks, decision and reason are the verdict's. Only
   * the metrics of answers and the primary metric are resampled; see {@link NormalApproximation}.
   *
   * @param baseline the champion's answers to the rows that the verdict is about
   */
  public static ComparisonReport of(
      Question question, Predictions baseline, Predictions candidate, Verdict verdict) {
    List<Difference> differences = differences(question, baseline, candidate, false);
    Check significance =
        significance(
            question,
            find(differences, question.metric()),
            comparison(question, baseline, candidate));
    return new ComparisonReport(
        question,
        baseline,
        candidate,
        differences,
        isSignificant(question, significance),
        McNemar.of(baseline, candidate),
        verdict.kind().decision(),
        verdict.checks(),
        verdict.reason());
  }

  private static Comparison comparison(
      Question question, Predictions baseline, Predictions candidate) {
    return new Comparison(
        new Gate(question.metric(), 0),
        Evidence.INTERVAL,
        question.alpha(),
        candidate,
        baseline,
        "baseline");
  }

  private static boolean isSignificant(Question question, Check significance) {
    return significance.answer() != Answer.UNDECIDED && significance.value() < question.alpha();
  }

  /**
   * The differences of all metrics that are defined on the rows.
   *
   * @param resampleRows whether the ROC AUC and the log loss are resampled, too, at a cost that
   *     grows with the rows; if not, only where they are the primary metric
   */
  private static List<Difference> differences(
      Question question, Predictions baseline, Predictions candidate, boolean resampleRows) {
    PairedBootstrap bootstrap = question.bootstrap();
    Set<Metric> resampled = EnumSet.copyOf(METRICS);
    resampled.removeIf(metric -> Double.isNaN(metric.of(candidate)));
    boolean hasArea = resampled.contains(Metric.ROC_AUC);
    if (!resampleRows && question.metric() != Metric.ROC_AUC) {
      resampled.remove(Metric.ROC_AUC);
    }
    Map<Metric, SamplingDistribution> distributions = new EnumMap<>(Metric.class);
    distributions.putAll(bootstrap.differences(resampled, baseline, candidate));
    if (hasArea) {
      distributions.computeIfAbsent(
          Metric.ROC_AUC, metric -> approximation(metric, baseline, candidate));
    }
    List<Difference> differences = new ArrayList<>();
    for (Metric metric : METRICS) {
      SamplingDistribution distribution = distributions.get(metric);
      if (distribution != null) {
        differences.add(
            new Difference(
                Difference.name(metric), metric.of(baseline), metric.of(candidate), distribution));
      }
    }
    double[] before = ClassificationMetrics.logLosses(baseline);
    double[] after = ClassificationMetrics.logLosses(candidate);
    double[] falls = new double[before.length];
    for (int row = 0; row < falls.length; row++) {
      falls[row] = before[row] - after[row];
    }
    differences.add(
        new Difference(
            Difference.LOG_LOSS,
            ClassificationMetrics.logLoss(baseline),
            ClassificationMetrics.logLoss(candidate),
            resampleRows ? bootstrap.mean(falls) : NormalApproximation.ofMean(falls)));
    return differences;
  }

  private static NormalApproximation approximation(
      Metric metric, Predictions baseline, Predictions candidate) {
    return NormalApproximation.of(
        metric.of(candidate) - metric.of(baseline),
        Influence.of(metric, candidate).minus(Influence.of(metric, baseline)));
  }

  private static Difference find(List<Difference> differences, Metric metric) {
    return differences.stream()
        .filter(difference -> difference.name().equals(Difference.name(metric)))
        .findFirst()
        .orElseThrow();
  }

  private static Check meetsThreshold(Question question, Difference primary, int rows) {
    double improvement = primary.improvement();
    double threshold = question.threshold();
    boolean met = meets(question, primary);
    Interval interval = primary.distribution().interval(1 - question.alpha());
    String change =
        improvement == 0
            ? "The new model has the baseline's %s of %s"
                .formatted(question.metric().id(), Check.fourDecimals(primary.baseline()))
            : String.format(
                Locale.ROOT,
                "The new model %s %s by %.4f, from %.4f to %.4f (%s)",
                improvement > 0 ? "raises" : "lowers",
                question.metric().id(),
                Math.abs(improvement),
                primary.baseline(),
                primary.candidate(),
                words(interval));
    String limit =
        met || threshold == 0 || question.policy() != null
            ? ""
            : threshold > 0
                ? ", less than the " + threshold + " that is asked"
                : ", more than the " + -threshold + " that may be lost";
    return new Check(
        MEETS_THRESHOLD,
        improvement,
        threshold,
        interval,
        met ? Answer.PASSED : Answer.FAILED,
        rows,
        0,
        true,
        change + limit);
  }

  private static Check significance(Question question, Difference primary, Comparison comparison) {
    // Half of alpha on either side, as the interval and the p-value have.
    Bound bound =
        Bound.ofDifference(
            new Comparison(
                comparison.gate(),
                comparison.evidence(),
                question.alpha() / 2,
                comparison.candidate(),
                comparison.champion()),
            question.metric(),
            0);
    double improvement = primary.improvement();
    double pValue = primary.pValue();
    boolean fewRows = bound.interval() == null;
    Answer answer =
        fewRows
            ? Answer.UNDECIDED
            : improvement <= 0
                ? Answer.FAILED
                : pValue < question.alpha() ? Answer.PASSED : Answer.UNDECIDED;
    String sentence =
        fewRows
            ? "the rarest class has %d of the %d rows that a test needs"
                .formatted(bound.rarest(), Bound.LEAST_ROWS)
            : improvement == 0
                ? "shows no improvement"
                : "the %s is %ssignificant (%s)"
                    .formatted(
                        improvement < 0 ? "loss" : "difference",
                        pValue < question.alpha() ? "" : "not ",
                        words(pValue));
    return new Check(
        SIGNIFICANT,
        pValue,
        question.alpha(),
        null,
        answer,
        comparison.candidate().rows(),
        answer == Answer.UNDECIDED ? bound.moreRows() : 0,
        true,
        sentence);
  }

  /** An interval of an improvement: {@code 95 % interval 0.0101 to 0.0343}. */
  public static String words(Interval interval) {
    return String.format(
        Locale.ROOT,
        "%s interval %.4f to %.4f",
        percent(interval.confidence()),
        interval.low(),
        interval.high());
  }

  /** A confidence as text: {@code 95 %}. */
  public static String percent(double confidence) {
    return BigDecimal.valueOf(Math.round(confidence * 10_000), 2)
            .stripTrailingZeros()
            .toPlainString()
        + " %";
  }

  /** A p-value as text. */
  public static String words(double pValue) {
    return pValue < SMALL ? "p < " + SMALL : String.format(Locale.ROOT, "p = %.3f", pValue);
  }

  /** The primary metric's difference. */
  public Difference primary() {
    return find(differences, question.metric());
  }

  /** Whether the improvement of the primary metric is at least the threshold. */
  public boolean meetsThreshold() {
    return meets(question, primary());
  }

  private static boolean meets(Question question, Difference primary) {
    return primary.improvement() >= question.threshold() - ROUNDING;
  }

  public boolean shouldPromote() {
    return decision == Decision.PROMOTE;
  }

  /** The metrics by name. */
  public Map<String, Double> metrics(boolean ofBaseline) {
    Map<String, Double> metrics = new LinkedHashMap<>();
    for (Difference difference : differences) {
      metrics.put(difference.name(), ofBaseline ? difference.baseline() : difference.candidate());
    }
    return metrics;
  }

  /** The improvements by the metric's name. */
  public Map<String, Map<String, Double>> improvements() {
    Map<String, Map<String, Double>> improvements = new LinkedHashMap<>();
    for (Difference difference : differences) {
      improvements.put(difference.name(), difference.toMap(question.alpha()));
    }
    return improvements;
  }

  /**
   * DeLong's test of the difference of the AUCs; empty for more than two classes, or no variance.
   */
  public Optional<AreaTest> areaTest() {
    if (!candidate.isBinary()) {
      return Optional.empty();
    }
    DeLong before = DeLong.of(baseline, baseline.positive());
    DeLong after = DeLong.of(candidate, candidate.positive());
    double standardError = Math.sqrt(after.varianceOfDifference(before));
    return standardError > 0
        ? Optional.of(
            new AreaTest(after.value() - before.value(), standardError, after.pValue(before)))
        : Optional.empty();
  }
}
