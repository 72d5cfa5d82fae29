package retune.core.drift;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.statistics.distribution.ChiSquaredDistribution;
import org.jspecify.annotations.Nullable;
import retune.core.calibration.EstimatedShares;
import retune.core.data.Target;
import retune.core.drift.DatasetShift.ClassShare;
import retune.core.drift.DatasetShift.Kind;
import retune.core.metrics.Predictions;
import retune.core.statistics.Interval;

/**
 * Tells label shift, covariate shift and concept shift apart.
 *
 * <p>Four tests on the labelled rows of both samples share the rate: whether the shares of the
 * classes are equal (chi-squared), whether the rows of each class look alike ({@link
 * WithinClasses}), whether the label depends on the inputs as before, and whether it does up to a
 * constant of each class ({@link RelationTest}). Where the classes look alike, all that has changed
 * is their shares. Where they do not, the relation decides. Without labels, nothing but an estimate
 * of the shares is left, which holds if the rows of each class look as before.
 *
 * @param rate of false alarms of all tests together
 * @param seed of the random divisions
 * @param resamples number of random divisions
 */
public record ShiftDetector(double rate, long seed, int resamples) {
  private static final int TESTS = 4;
  private static final double CONFIDENCE = 0.95;

  /** A class of fewer rows in both samples is pooled with others in the chi-squared test. */
  private static final int FREQUENT = 10;

  /**
   * The model's answers to the rows of both samples, and the labels that are known.
   *
   * @param classes number of classes
   * @param referenceLabels a class per row, or {@link Target#UNLABELLED}
   * @param referenceProbabilities {@code rows × classes}, row-major, calibrated; null if the model
   *     gives none
   */
  public record Answers(
      int classes,
      int[] referenceLabels,
      double @Nullable [] referenceProbabilities,
      int[] currentLabels,
      double @Nullable [] currentProbabilities) {}

  /** Judges what has changed, given which columns have. */
  public DatasetShift judge(
      DriftReport report,
      List<ComparedColumn> features,
      List<ComparedColumn> predictions,
      Answers answers) {
    int[] reference = labelled(answers.referenceLabels);
    int[] current = labelled(answers.currentLabels);
    long classes =
        Arrays.stream(reference).map(row -> answers.referenceLabels[row]).distinct().count();
    boolean inputsMoved = inputsMoved(report);
    double level = rate / TESTS;
    if (reference.length < DriftDetector.LEAST_ROWS || classes < 2) {
      return withoutLabels(level, current.length, inputsMoved, List.of());
    }
    if (current.length < DriftDetector.LEAST_ROWS) {
      return withoutLabels(level, current.length, inputsMoved, estimated(answers, reference));
    }
    List<KernelMeans.Binned> binned =
        features.stream()
            .map(column -> KernelMeans.Binned.of(column.select(reference, current)))
            .toList();
    int[] referenceLabels = select(answers.referenceLabels, reference);
    int[] currentLabels = select(answers.currentLabels, current);
    long[] before = counts(referenceLabels, answers.classes);
    long[] after = counts(currentLabels, answers.classes);
    double sharesPValue = pValueOfShares(before, after);
    double within =
        WithinClasses.pValue(
            binned, answers.classes, referenceLabels, currentLabels, resamples, seed);
    boolean classesMoved = within <= Math.max(level, 1.0 / (resamples + 1));
    RelationTest relation = relation(report, features, predictions, answers, reference, current);
    return new DatasetShift(
        kind(level, sharesPValue, within, classesMoved, inputsMoved, relation),
        level,
        current.length,
        IntStream.range(0, answers.classes)
            .mapToObj(label -> share(before[label], reference.length, after[label], current.length))
            .toList(),
        false,
        sharesPValue,
        within,
        classesMoved,
        inputsMoved,
        relation);
  }

  private DatasetShift withoutLabels(
      double level, int labelled, boolean inputsMoved, List<ClassShare> estimated) {
    return new DatasetShift(
        Kind.NOT_TELLABLE,
        level,
        labelled,
        estimated,
        !estimated.isEmpty(),
        Double.NaN,
        Double.NaN,
        false,
        inputsMoved,
        null);
  }

  private static Kind kind(
      double level,
      double sharesPValue,
      double withinPValue,
      boolean classesMoved,
      boolean inputsMoved,
      @Nullable RelationTest relation) {
    boolean sharesMoved = sharesPValue < level;
    boolean isTested = !Double.isNaN(withinPValue);
    if (!classesMoved
        && isTested
        && sharesMoved
        && !(relation != null && relation.isBeyondShares(level))) {
      return Kind.LABEL_SHIFT;
    }
    if (relation == null || !relation.isTellable()) {
      return sharesMoved || classesMoved || inputsMoved ? Kind.NOT_TELLABLE : Kind.NONE;
    }
    if (relation.isBeyondShares(level)
        || (relation.hasChanged(level) && (inputsMoved || classesMoved))) {
      return inputsMoved ? Kind.COVARIATE_AND_CONCEPT_SHIFT : Kind.CONCEPT_SHIFT;
    }
    if (inputsMoved) {
      return Kind.COVARIATE_SHIFT;
    }
    return sharesMoved || classesMoved || relation.hasChanged(level)
        ? Kind.NOT_TELLABLE
        : Kind.NONE;
  }

  /** Whether any column, their missing or unseen values, or their relations are beyond a limit. */
  private static boolean inputsMoved(DriftReport report) {
    return report.joint().isDrifted() || report.driftedFeatures() > 0;
  }

  private static @Nullable RelationTest relation(
      DriftReport report,
      List<ComparedColumn> features,
      List<ComparedColumn> predictions,
      Answers answers,
      int[] reference,
      int[] current) {
    double[] before = answers.referenceProbabilities;
    double[] after = answers.currentProbabilities;
    if (before == null || after == null) {
      return null;
    }
    ReferenceProbability weights =
        ReferenceProbability.of(
            moved(report, features, predictions).stream()
                .map(column -> column.select(reference, current))
                .toList(),
            reference.length,
            current.length);
    int classes = answers.classes;
    return RelationTest.of(
        new RelationTest.Side(
            classes,
            select(answers.referenceLabels, reference),
            select(before, classes, reference),
            Arrays.stream(weights.reference()).map(probability -> 1 - probability).toArray()),
        new RelationTest.Side(
            classes,
            select(answers.currentLabels, current),
            select(after, classes, current),
            weights.current()));
  }

  /**
   * What tells the samples apart: the columns beyond their limit, or all if their relations alone
   * have moved, and the model's probability. Empty if no input has moved.
   */
  private static List<ComparedColumn> moved(
      DriftReport report, List<ComparedColumn> features, List<ComparedColumn> predictions) {
    if (!inputsMoved(report)) {
      return List.of();
    }
    Map<String, ComparedColumn> byName =
        features.stream().collect(Collectors.toMap(ComparedColumn::name, Function.identity()));
    boolean any = report.driftedFeatures() == 0;
    return Stream.concat(
            predictions.stream().limit(1),
            report.worstFirst().stream()
                .filter(column -> any || report.isDrifted(column))
                .map(column -> byName.get(column.name())))
        .toList();
  }

  private static List<ClassShare> estimated(Answers answers, int[] reference) {
    double[] before = answers.referenceProbabilities;
    double[] after = answers.currentProbabilities;
    if (before == null || after == null) {
      return List.of();
    }
    Predictions labelled =
        new Predictions(
            select(answers.referenceLabels, reference),
            select(before, answers.classes, reference),
            answers.classes,
            0,
            0);
    EstimatedShares shares = EstimatedShares.of(labelled, after);
    return IntStream.range(0, answers.classes)
        .mapToObj(
            label ->
                DatasetShift.share(
                    shares.reference()[label],
                    shares.shares()[label],
                    shares.interval(label, CONFIDENCE)))
        .toList();
  }

  private static ClassShare share(long before, int rowsBefore, long after, int rowsAfter) {
    double reference = (double) before / rowsBefore;
    double current = (double) after / rowsAfter;
    double change = current - reference;
    Interval interval =
        Effects.interval(change, Effects.errorOfShares(reference, rowsBefore, current, rowsAfter));
    return new ClassShare(reference, current, change, interval);
  }

  /** Of equal shares in both samples; classes that few rows have count as one. */
  static double pValueOfShares(long[] before, long[] after) {
    double rowsBefore = Arrays.stream(before).sum();
    double rows = rowsBefore + Arrays.stream(after).sum();
    long rareBefore = 0;
    long rareAfter = 0;
    double statistic = 0;
    int cells = 0;
    for (int label = 0; label < before.length; label++) {
      if (before[label] + after[label] >= FREQUENT) {
        statistic += term(before[label], after[label], rowsBefore / rows);
        cells++;
      } else {
        rareBefore += before[label];
        rareAfter += after[label];
      }
    }
    if (rareBefore + rareAfter > 0) {
      statistic += term(rareBefore, rareAfter, rowsBefore / rows);
      cells++;
    }
    return cells < 2 ? 1 : ChiSquaredDistribution.of(cells - 1).survivalProbability(statistic);
  }

  /** What a class adds to the statistic. */
  private static double term(long before, long after, double shareBefore) {
    double rows = before + after;
    double deviation = before - rows * shareBefore;
    return deviation * deviation / (rows * shareBefore * (1 - shareBefore));
  }

  private static int[] labelled(int[] labels) {
    return IntStream.range(0, labels.length)
        .filter(row -> labels[row] != Target.UNLABELLED)
        .toArray();
  }

  private static long[] counts(int[] labels, int classes) {
    long[] counts = new long[classes];
    Arrays.stream(labels).forEach(label -> counts[label]++);
    return counts;
  }

  private static int[] select(int[] values, int[] rows) {
    return Arrays.stream(rows).map(row -> values[row]).toArray();
  }

  private static double[] select(double[] probabilities, int classes, int[] rows) {
    double[] selected = new double[rows.length * classes];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(probabilities, rows[i] * classes, selected, i * classes, classes);
    }
    return selected;
  }
}
