package retune.core.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.DriftReport.Measure;
import retune.core.statistics.Philox;

/**
 * Tells drift from chance, with one rate of false alarms for a whole batch, however many columns it
 * has. Each statistic gets a score by its {@link Spread} on {@link Redivisions} of all rows; the
 * limit is the quantile of the greatest score of a redivision (Westfall and Young, 1993). A batch
 * from the reference's population is beyond it with the stated rate, over references and batches.
 *
 * @param rate of false alarms for a whole batch; at least 1 / ({@code resamples} + 1)
 * @param seed of the redivisions
 * @param resamples number of redivisions
 */
public record DriftDetector(double rate, long seed, int resamples) {
  /** Fewer rows say nothing about a distribution. */
  public static final int LEAST_ROWS = 20;

  /**
   * The two samples.
   *
   * @param features by column; each has the same rows
   * @param predictions the champion's answers for the same rows; may be empty
   * @param labels of the rows that have one; null where there are none to compare
   * @param shares counted on all rows of the batches, which may be more
   * @param referenceHashes of the reference's rows
   * @param currentHashes of the batch's rows
   */
  public record Samples(
      List<ComparedColumn> features,
      List<ComparedColumn> predictions,
      @Nullable Codes labels,
      List<ComparedColumn.Share> shares,
      long[] referenceHashes,
      long[] currentHashes) {}

  /**
   * Compares the samples.
   *
   * @throws InvalidInputException if either has fewer than {@value #LEAST_ROWS} rows
   */
  public DriftReport compare(Samples samples) {
    require(samples.referenceHashes.length, "The reference");
    require(samples.currentHashes.length, "The batch");
    return new Run(samples).report();
  }

  private static void require(int rows, String which) {
    if (rows < LEAST_ROWS) {
      throw new InvalidInputException(
          "%s has %d rows; drift is told from chance on at least %d. Compare more rows."
              .formatted(which, rows, LEAST_ROWS));
    }
  }

  /** A statistic that waits for the limit. */
  private record Found(double value, double score, Spread spread) {}

  /** A column whose statistics wait for the limit; the last two are null for categories. */
  private record FoundColumn(
      ComparedColumn column,
      Found psi,
      Found jensenShannon,
      @Nullable Found kolmogorovSmirnov,
      double kolmogorovPValue,
      @Nullable Found wasserstein,
      DriftReport.Effect effect,
      DriftReport.Histogram histogram) {}

  /** One comparison. */
  private final class Run {
    private final Samples samples;
    private final int referenceRows;
    private final int currentRows;
    private final Redivisions redivisions;

    /** The greatest score of each redivision. */
    private final double[] greatest = new double[resamples];

    Run(Samples samples) {
      this.samples = samples;
      referenceRows = samples.referenceHashes.length;
      currentRows = samples.currentHashes.length;
      redivisions = new Redivisions(referenceRows, currentRows, resamples, new Philox(seed, 0));
      Arrays.fill(greatest, Double.NEGATIVE_INFINITY);
    }

    DriftReport report() {
      List<KernelMeans.Binned> binned = new ArrayList<>();
      List<FoundColumn> features =
          samples.features.stream().map(column -> find(column, redivisions, binned)).toList();
      Found joint = joint(binned);
      List<FoundColumn> predictions =
          samples.predictions.stream()
              .map(column -> find(column, redivisions, new ArrayList<>()))
              .toList();
      FoundColumn labels = samples.labels == null ? null : findLabels(samples.labels);
      List<Found> shares =
          IntStream.range(0, samples.shares.size())
              .mapToObj(i -> find(samples.shares.get(i), new Philox(seed, 3L + i)))
              .toList();
      int repeatedReference = repeats(samples.referenceHashes);
      int repeatedCurrent = repeats(samples.currentHashes);
      Found repeated = findRepeated();
      Limit limit = new Limit(greatest);
      return new DriftReport(
          rate,
          resamples,
          referenceRows,
          currentRows,
          features.stream().map(limit::column).toList(),
          predictions.stream().map(limit::column).toList(),
          labels == null ? null : limit.column(labels),
          IntStream.range(0, shares.size())
              .mapToObj(i -> limit.share(samples.shares.get(i), shares.get(i)))
              .toList(),
          new DriftReport.Repeated(repeatedReference, repeatedCurrent, limit.measure(repeated)),
          limit.measure(joint));
    }

    private FoundColumn find(
        ComparedColumn column, Redivisions divisions, List<KernelMeans.Binned> binned) {
      return switch (column) {
        case Numbers numbers -> find(numbers, divisions, binned);
        case Codes codes -> find(codes, divisions, binned);
      };
    }

    private FoundColumn find(
        Numbers column, Redivisions divisions, List<KernelMeans.Binned> binned) {
      float[] reference = sorted(column.reference());
      float[] current = sorted(column.current());
      Bins bins = Bins.ofNumbers(reference);
      int[] ofReference = bins.of(column.reference());
      int[] ofCurrent = bins.of(column.current());
      binned.add(new KernelMeans.Binned(bins, ofReference, ofCurrent, true));
      Moments referenceMoments = Moments.of(reference);
      double deviation = referenceMoments.deviation() > 0 ? referenceMoments.deviation() : 1;
      double[] steps = steps(bins, column, ofReference, ofCurrent, deviation);
      int[] counts = divisions.counts(ofReference, ofCurrent, bins.count());
      long[] all = bothSides(counts, bins.count());
      double[][] drawn = new double[4][resamples];
      long[] side = new long[bins.count()];
      long[] other = new long[bins.count()];
      for (int division = 0; division < resamples; division++) {
        divisions.smaller(division, counts, side);
        subtract(all, side, other);
        long[] coarse = bins.coarse(side);
        long[] coarseOther = bins.coarse(other);
        drawn[0][division] = Distances.psi(coarse, coarseOther);
        drawn[1][division] = Distances.jensenShannon(coarse, coarseOther);
        drawn[2][division] = Distances.kolmogorovSmirnov(side, other);
        drawn[3][division] = Distances.wasserstein(side, other, steps);
      }
      long[] first = observed(counts, bins.count(), 0, divisions.referenceGroups());
      subtract(all, first, other);
      long[] coarse = bins.coarse(bins.counts(ofReference));
      long[] coarseOther = bins.coarse(bins.counts(ofCurrent));
      double ks = Distances.kolmogorovSmirnov(reference, current);
      return new FoundColumn(
          column,
          found(
              Distances.psi(coarse, coarseOther),
              Distances.psi(bins.coarse(first), bins.coarse(other)),
              drawn[0]),
          found(
              Distances.jensenShannon(coarse, coarseOther),
              Distances.jensenShannon(bins.coarse(first), bins.coarse(other)),
              drawn[1]),
          found(ks, Distances.kolmogorovSmirnov(first, other), drawn[2]),
          Distances.kolmogorovPValue(ks, reference.length, current.length),
          found(
              Distances.wasserstein(reference, current) / deviation,
              Distances.wasserstein(first, other, steps),
              drawn[3]),
          Effects.ofMeans(column, referenceMoments, Moments.of(current)),
          Effects.histogram(column, reference, current));
    }

    private FoundColumn find(Codes column, Redivisions divisions, List<KernelMeans.Binned> binned) {
      Bins bins = Bins.ofCodes(column.reference(), column.current(), column.labels().size());
      int[] ofReference = bins.of(column.reference());
      int[] ofCurrent = bins.of(column.current());
      binned.add(new KernelMeans.Binned(bins, ofReference, ofCurrent, false));
      int[] counts = divisions.counts(ofReference, ofCurrent, bins.count());
      long[] all = bothSides(counts, bins.count());
      double[][] drawn = new double[2][resamples];
      long[] side = new long[bins.count()];
      long[] other = new long[bins.count()];
      for (int division = 0; division < resamples; division++) {
        divisions.smaller(division, counts, side);
        subtract(all, side, other);
        drawn[0][division] = Distances.psi(side, other);
        drawn[1][division] = Distances.jensenShannon(side, other);
      }
      long[] first = observed(counts, bins.count(), 0, divisions.referenceGroups());
      subtract(all, first, other);
      long[] reference = bins.counts(ofReference);
      long[] current = bins.counts(ofCurrent);
      return new FoundColumn(
          column,
          found(Distances.psi(reference, current), Distances.psi(first, other), drawn[0]),
          found(
              Distances.jensenShannon(reference, current),
              Distances.jensenShannon(first, other),
              drawn[1]),
          null,
          1,
          null,
          Effects.ofShares(column),
          Effects.histogram(column));
    }

    /** Labels exist on some rows only, which are divided by themselves. */
    private FoundColumn findLabels(Codes labels) {
      Redivisions ofLabels =
          new Redivisions(
              labels.reference().length, labels.current().length, resamples, new Philox(seed, 1));
      return find(labels, ofLabels, new ArrayList<>());
    }

    private Found joint(List<KernelMeans.Binned> binned) {
      KernelMeans means = new KernelMeans(binned, redivisions, new Philox(seed, 2));
      double observed = means.observed();
      return found(observed, observed, means.redivided());
    }

    /** The rows with the property are drawn like balls from an urn, a division's side at a time. */
    private Found find(ComparedColumn.Share share, Philox random) {
      long rows = share.referenceRows() + share.currentRows();
      long hits = share.referenceHits() + share.currentHits();
      double observed =
          Distances.score(
              share.referenceHits(),
              share.referenceRows(),
              share.currentHits(),
              share.currentRows());
      if (hits > 0 && hits < rows) {
        Hypergeometric urn = new Hypergeometric(rows, hits, share.currentRows());
        for (int division = 0; division < resamples; division++) {
          long drawn = urn.draw(random.nextDouble());
          double score =
              Distances.score(hits - drawn, share.referenceRows(), drawn, share.currentRows());
          greatest[division] = Math.max(greatest[division], score);
        }
      }
      return new Found(Math.abs(share.current() - share.reference()), observed, new Spread(0, 0));
    }

    /** Repeated rows of the batch, on the scale of those of redivisions. */
    private Found findRepeated() {
      Map<Long, Integer> kinds = new HashMap<>();
      int[] kindOfReference = kinds(samples.referenceHashes, kinds);
      int[] kindOfCurrent = kinds(samples.currentHashes, kinds);
      int[] frequency = new int[kinds.size()];
      Arrays.stream(kindOfReference).forEach(kind -> frequency[kind]++);
      Arrays.stream(kindOfCurrent).forEach(kind -> frequency[kind]++);
      List<List<Integer>> repeatedOfGroup = new ArrayList<>();
      for (int group = 0; group < redivisions.groups(); group++) {
        repeatedOfGroup.add(new ArrayList<>());
      }
      for (int row = 0; row < redivisions.referenceRows(); row++) {
        if (frequency[kindOfReference[row]] > 1) {
          repeatedOfGroup.get(redivisions.groupOfReference(row)).add(kindOfReference[row]);
        }
      }
      int[] currentGroups =
          IntStream.range(redivisions.referenceGroups(), redivisions.groups()).toArray();
      for (int row = 0; row < redivisions.currentRows(); row++) {
        if (frequency[kindOfCurrent[row]] > 1) {
          repeatedOfGroup.get(redivisions.groupOfCurrent(row)).add(kindOfCurrent[row]);
        }
      }
      int[] seenIn = new int[frequency.length];
      double[] drawn = new double[resamples];
      for (int division = 0; division < resamples; division++) {
        int[] groups = redivisions.currentSide(division);
        drawn[division] = repeats(groups, repeatedOfGroup, seenIn, division + 1);
      }
      double observed = repeats(currentGroups, repeatedOfGroup, seenIn, resamples + 1);
      return found(observed, observed, drawn);
    }

    private Found found(double value, double observed, double[] drawn) {
      Spread spread = Spread.of(drawn);
      double[] scores = Spread.scores(drawn);
      for (int division = 0; division < resamples; division++) {
        greatest[division] = Math.max(greatest[division], scores[division]);
      }
      return new Found(value, spread.score(observed), spread);
    }
  }

  /** The limit of a comparison. */
  private final class Limit {
    private final double[] ascending;
    private final double score;

    Limit(double[] greatest) {
      ascending = greatest.clone();
      Arrays.sort(ascending);
      int rank = (int) Math.ceil((1 - rate) * (resamples + 1));
      score = ascending[Math.min(rank, resamples) - 1];
    }

    Measure measure(Found found) {
      return measure(found, found.spread.value(score));
    }

    private Measure measure(Found found, double limit) {
      int above = 0;
      for (double greatest : ascending) {
        above += greatest >= found.score ? 1 : 0;
      }
      double adjusted = (1.0 + above) / (resamples + 1);
      return new Measure(found.value, limit, adjusted, adjusted <= rate);
    }

    DriftReport.Column column(FoundColumn found) {
      return new DriftReport.Column(
          found.column.name(),
          found.column.rows(),
          measure(found.psi),
          measure(found.jensenShannon),
          found.kolmogorovSmirnov == null ? null : measure(found.kolmogorovSmirnov),
          found.kolmogorovPValue,
          found.wasserstein == null ? null : measure(found.wasserstein),
          found.effect,
          found.histogram);
    }

    DriftReport.Share share(ComparedColumn.Share share, Found found) {
      double both =
          (double) (share.referenceHits() + share.currentHits())
              / (share.referenceRows() + share.currentRows());
      double error =
          Math.sqrt(both * (1 - both) * (1.0 / share.referenceRows() + 1.0 / share.currentRows()));
      return new DriftReport.Share(
          share.property(),
          share.column(),
          share.reference(),
          share.current(),
          Effects.interval(
              share.current() - share.reference(),
              Effects.errorOfShares(
                  share.reference(), share.referenceRows(), share.current(), share.currentRows())),
          measure(found, Math.max(0, score) * error));
    }
  }

  private static float[] sorted(float[] values) {
    float[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted;
  }

  private static long[] bothSides(int[] counts, int bins) {
    return observed(counts, bins, 0, counts.length / bins);
  }

  private static long[] observed(int[] counts, int bins, int fromGroup, int toGroup) {
    long[] sums = new long[bins];
    for (int at = fromGroup * bins; at < toGroup * bins; at++) {
      sums[at % bins] += counts[at];
    }
    return sums;
  }

  private static void subtract(long[] all, long[] side, long[] other) {
    for (int bin = 0; bin < other.length; bin++) {
      other[bin] = all[bin] - side[bin];
    }
  }

  /** The distances between the bins' mean values, in standard deviations of the reference. */
  private static double[] steps(
      Bins bins, Numbers column, int[] ofReference, int[] ofCurrent, double deviation) {
    double[] sums = new double[bins.count()];
    long[] rows = new long[bins.count()];
    for (int row = 0; row < ofReference.length; row++) {
      sums[ofReference[row]] += column.reference()[row];
      rows[ofReference[row]]++;
    }
    for (int row = 0; row < ofCurrent.length; row++) {
      sums[ofCurrent[row]] += column.current()[row];
      rows[ofCurrent[row]]++;
    }
    double[] steps = new double[bins.count() - 1];
    double place = Double.NaN;
    int before = -1;
    for (int bin = 0; bin < rows.length; bin++) {
      if (rows[bin] > 0) {
        double next = sums[bin] / rows[bin];
        if (before >= 0) {
          steps[before] = (next - place) / deviation;
        }
        place = next;
        before = bin;
      }
    }
    return steps;
  }

  private static int[] kinds(long[] hashes, Map<Long, Integer> kinds) {
    int[] kind = new int[hashes.length];
    for (int row = 0; row < kind.length; row++) {
      int next = kinds.size();
      Integer known = kinds.putIfAbsent(hashes[row], next);
      kind[row] = known == null ? next : known;
    }
    return kind;
  }

  private static int repeats(long[] hashes) {
    return hashes.length - (int) LongStream.of(hashes).distinct().count();
  }

  private static int repeats(
      int[] groups, List<List<Integer>> repeatedOfGroup, int[] seenIn, int mark) {
    int repeats = 0;
    for (int group : groups) {
      for (int kind : repeatedOfGroup.get(group)) {
        repeats += seenIn[kind] == mark ? 1 : 0;
        seenIn[kind] = mark;
      }
    }
    return repeats;
  }
}
