package retune.core.drift;

import java.util.Arrays;
import java.util.List;
import retune.core.statistics.Philox;

/**
 * The distance of two samples in all columns at once: the squared maximum mean discrepancy (Gretton
 * et al., 2012) of a Gaussian kernel, by random Fourier features (Rahimi and Recht, 2007). It sees
 * relations between columns that change while each column keeps its distribution.
 *
 * <p>A number enters as its bin's place among the reference's ranks, a category as one coordinate;
 * both with a standard deviation of 1, so that no column's unit or outlier matters. The kernel's
 * width is the median distance of two rows; a third of the frequencies has half of it and a third
 * twice. At most {@value #MOST_ROWS} rows of each sample are projected.
 */
final class KernelMeans {
  private static final int FREQUENCIES = 66;
  private static final int MOST_ROWS = 5_000;
  private static final double[] WIDTHS = {0.5, 1, 2};

  private final Redivisions redivisions;
  private final float[] means;
  private final int rowsOfGroup;

  /** A column in bins. */
  record Binned(Bins bins, int[] reference, int[] current, boolean isOrdered) {
    static Binned of(ComparedColumn column) {
      return switch (column) {
        case ComparedColumn.Numbers numbers -> {
          float[] sorted = numbers.reference().clone();
          Arrays.sort(sorted);
          Bins bins = Bins.ofNumbers(sorted);
          yield new Binned(bins, bins.of(numbers.reference()), bins.of(numbers.current()), true);
        }
        case ComparedColumn.Codes codes -> {
          Bins bins = Bins.ofCodes(codes.reference(), codes.current(), codes.labels().size());
          yield new Binned(bins, bins.of(codes.reference()), bins.of(codes.current()), false);
        }
      };
    }

    /** The same of some rows. */
    Binned select(int[] referenceRows, int[] currentRows) {
      return new Binned(
          bins, taken(reference, referenceRows), taken(current, currentRows), isOrdered);
    }

    private static int[] taken(int[] values, int[] rows) {
      return Arrays.stream(rows).map(row -> values[row]).toArray();
    }
  }

  KernelMeans(List<Binned> columns, Redivisions redivisions, Philox random) {
    this.redivisions = redivisions;
    int referenceGroups = redivisions.referenceGroups();
    int currentGroups = redivisions.groups() - referenceGroups;
    rowsOfGroup =
        Math.clamp(
            MOST_ROWS / Math.max(referenceGroups, currentGroups), 1, redivisions.groupSize());
    means = new float[redivisions.groups() * 2 * FREQUENCIES];
    float[][] tables = new float[columns.size()][];
    double width = Math.sqrt(Math.max(1, columns.size()));
    for (int i = 0; i < tables.length; i++) {
      tables[i] = table(columns.get(i), width, random);
    }
    add(columns, tables, true, 0, referenceGroups);
    add(columns, tables, false, referenceGroups, currentGroups);
  }

  /** The distance of the reference and the batch as they are. */
  double observed() {
    double[] reference = new double[2 * FREQUENCIES];
    double[] current = new double[2 * FREQUENCIES];
    for (int group = 0; group < redivisions.groups(); group++) {
      boolean isReference = group < redivisions.referenceGroups();
      add(isReference ? reference : current, group);
    }
    int groups = redivisions.referenceGroups();
    return distance(reference, groups, current, redivisions.groups() - groups);
  }

  /** The distance of the two sides of each division. */
  double[] redivided() {
    double[] all = new double[2 * FREQUENCIES];
    for (int group = 0; group < redivisions.groups(); group++) {
      add(all, group);
    }
    double[] distances = new double[redivisions.count()];
    double[] side = new double[all.length];
    double[] other = new double[all.length];
    for (int division = 0; division < distances.length; division++) {
      int[] chosen = redivisions.chosen(division);
      Arrays.fill(side, 0);
      for (int group : chosen) {
        add(side, group);
      }
      for (int i = 0; i < other.length; i++) {
        other[i] = all[i] - side[i];
      }
      distances[division] =
          distance(side, chosen.length, other, redivisions.groups() - chosen.length);
    }
    return distances;
  }

  private void add(double[] sum, int group) {
    int from = group * sum.length;
    for (int i = 0; i < sum.length; i++) {
      sum[i] += means[from + i];
    }
  }

  private double distance(double[] one, int oneGroups, double[] other, int otherGroups) {
    double squares = 0;
    for (int i = 0; i < one.length; i++) {
      double difference = one[i] / oneGroups - other[i] / otherGroups;
      squares += difference * difference;
    }
    return squares / FREQUENCIES;
  }

  /** Projects the first rows of each group of one sample. */
  private void add(
      List<Binned> columns, float[][] tables, boolean isReference, int firstGroup, int groups) {
    float[] phase = new float[FREQUENCIES];
    for (int row = 0; row < groups * rowsOfGroup; row++) {
      Arrays.fill(phase, 0);
      for (int column = 0; column < tables.length; column++) {
        Binned binned = columns.get(column);
        int bin = (isReference ? binned.reference : binned.current)[row];
        float[] table = tables[column];
        int from = bin * FREQUENCIES;
        for (int i = 0; i < FREQUENCIES; i++) {
          phase[i] += table[from + i];
        }
      }
      int at = (firstGroup + row % groups) * 2 * FREQUENCIES;
      for (int i = 0; i < FREQUENCIES; i++) {
        means[at + i] += (float) (Math.cos(phase[i]) / rowsOfGroup);
        means[at + FREQUENCIES + i] += (float) (Math.sin(phase[i]) / rowsOfGroup);
      }
    }
  }

  /** What each bin of a column adds to each frequency's phase, {@code [bin · frequencies + i]}. */
  private static float[] table(Binned column, double width, Philox random) {
    Bins bins = column.bins;
    long[] counts = bins.counts(column.reference);
    double rows = column.reference.length;
    float[] table = new float[bins.count() * FREQUENCIES];
    if (column.isOrdered) {
      double[] places = places(counts, rows);
      for (int i = 0; i < FREQUENCIES; i++) {
        double frequency = gaussian(random) / (width * WIDTHS[i % WIDTHS.length]);
        for (int bin = 0; bin < places.length; bin++) {
          table[bin * FREQUENCIES + i] = (float) (places[bin] * frequency);
        }
      }
      return table;
    }
    double same = Arrays.stream(counts).mapToDouble(count -> count / rows * count / rows).sum();
    // Two rows of the reference are as far apart as two numbers, on average.
    double side = same < 1 ? 1 / Math.sqrt(1 - same) : 1;
    for (int at = 0; at < table.length; at++) {
      double frequency = gaussian(random) / (width * WIDTHS[at % FREQUENCIES % WIDTHS.length]);
      table[at] = (float) (side * frequency);
    }
    return table;
  }

  /** The mean rank of each bin, with mean 0 and standard deviation 1 over the reference. */
  private static double[] places(long[] counts, double rows) {
    double[] places = new double[counts.length];
    double below = 0;
    double squares = 0;
    for (int bin = 0; bin < places.length; bin++) {
      places[bin] = (below + counts[bin] / 2.0) / rows - 0.5;
      squares += counts[bin] / rows * places[bin] * places[bin];
      below += counts[bin];
    }
    double deviation = squares > 0 ? Math.sqrt(squares) : 1;
    for (int bin = 0; bin < places.length; bin++) {
      places[bin] /= deviation;
    }
    return places;
  }

  /** A standard normal number (Box and Muller, 1958). */
  private static double gaussian(Philox random) {
    double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
    return radius * Math.cos(2 * Math.PI * random.nextDouble());
  }
}
