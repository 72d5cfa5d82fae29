package retune.core.drift;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.statistics.Interval;

/**
 * What a batch has of the reference's distribution, and what not.
 *
 * @param rate of false alarms, for all statistics of the batch together
 * @param resamples random divisions of the rows that the limits come from
 * @param features by column, as the model reads them
 * @param predictions the champion's answers and probabilities; empty where it gives none
 * @param labels null where either side has too few
 * @param shares missing values, unseen categories and rejected rows
 * @param repeated rows that repeat an earlier row of their sample
 * @param joint all features at once
 */
public record DriftReport(
    double rate,
    int resamples,
    int referenceRows,
    int currentRows,
    List<Column> features,
    List<Column> predictions,
    @Nullable Column labels,
    List<Share> shares,
    Repeated repeated,
    Measure joint) {
  /** The PSI that is published as the limit between no change and a moderate one. */
  public static final double MODERATE = 0.1;

  /** The PSI that is published as the limit between a moderate change and a large one. */
  public static final double LARGE = 0.25;

  /**
   * A statistic.
   *
   * @param value on all rows
   * @param limit above which it is drift, at the rate of the whole batch
   * @param adjustedPValue how often the greatest statistic of a batch without drift is as great
   * @param isDrifted whether it is
   */
  public record Measure(double value, double limit, double adjustedPValue, boolean isDrifted) {}

  /**
   * The greatest change of a column, in its original unit: of the mean, or of a category's share.
   *
   * @param what {@code mean}, or the category
   * @param difference batch minus reference, with a confidence of 95 %
   */
  public record Effect(
      String what, double reference, double current, double difference, Interval interval) {}

  /** Shares of both samples by range or category, to draw. */
  public record Histogram(List<String> labels, double[] reference, double[] current) {}

  /**
   * A column.
   *
   * @param rows of the batch that have it
   * @param kolmogorovSmirnov null for categories, as is what follows it
   * @param kolmogorovPValue of this statistic alone
   * @param wasserstein in standard deviations of the reference
   */
  public record Column(
      String name,
      int rows,
      Measure psi,
      Measure jensenShannon,
      @Nullable Measure kolmogorovSmirnov,
      double kolmogorovPValue,
      @Nullable Measure wasserstein,
      Effect effect,
      Histogram histogram) {
    /** Whether any of its statistics is beyond its limit. */
    public boolean isDrifted() {
      return measures().anyMatch(Measure::isDrifted);
    }

    /** Its statistics. */
    public Stream<Measure> measures() {
      return Stream.of(psi, jensenShannon, kolmogorovSmirnov, wasserstein)
          .filter(measure -> measure != null);
    }

    /** The least of its statistics' adjusted p-values. */
    public double adjustedPValue() {
      return measures().mapToDouble(Measure::adjustedPValue).min().orElse(1);
    }
  }

  /** A share of rows, and its difference with a confidence of 95 %. */
  public record Share(
      ComparedColumn.Property property,
      String column,
      double reference,
      double current,
      Interval difference,
      Measure measure) {}

  /** Rows that repeat an earlier one, of both samples. */
  public record Repeated(int reference, int current, Measure measure) {}

  /** Whether anything is beyond its limit. */
  public boolean isDrifted() {
    return columns().anyMatch(Column::isDrifted)
        || shares.stream().anyMatch(share -> share.measure.isDrifted)
        || repeated.measure.isDrifted
        || joint.isDrifted;
  }

  /** Features, predictions and labels. */
  public Stream<Column> columns() {
    return Stream.concat(
        Stream.concat(features.stream(), predictions.stream()), Stream.ofNullable(labels));
  }

  /** Whether the feature, or the share of its rows with some property, is beyond a limit. */
  public boolean isDrifted(Column feature) {
    return feature.isDrifted() || sharesOf(feature.name).anyMatch(share -> share.measure.isDrifted);
  }

  /** The shares of a column. */
  public Stream<Share> sharesOf(String column) {
    return shares.stream().filter(share -> share.column.equals(column));
  }

  /** The features: those with drift first, then by PSI. */
  public List<Column> worstFirst() {
    return features.stream()
        .sorted(
            Comparator.comparing((Column feature) -> !isDrifted(feature))
                .thenComparing(
                    Comparator.comparingDouble((Column column) -> column.psi.value).reversed()))
        .toList();
  }

  /** Number of features with drift. */
  public int driftedFeatures() {
    return (int) features.stream().filter(this::isDrifted).count();
  }

  /** The published word for a PSI: stable, moderate or large. */
  public static String band(double psi) {
    return psi < MODERATE ? "stable" : psi < LARGE ? "moderate" : "large";
  }
}
