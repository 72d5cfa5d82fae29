package retune.core.statistics;

import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

/**
 * The bootstrap distribution of the difference of two classifiers' metrics on the same rows: rows
 * are drawn with replacement, each with both answers (Efron &amp; Tibshirani, 1993, chapter 8).
 *
 * <p>What metrics of answers need of a resample is how many rows it has of each cell, which is a
 * combination of true class and both answers. These numbers are multinomial, and are drawn as such:
 * in the order of true class, first answer and second answer, each cell gets a binomial number of
 * the rows that the cells before it have left, by {@link Binomial#draw} from one {@link
 * Philox#nextDouble}; the last cell gets the rest. Time is linear in cells × resamples, whatever
 * the number of rows.
 *
 * <p>The ROC AUC and means need the rows themselves, drawn by {@link Philox#fillIndices}: time is
 * linear in rows × resamples, and in classes for the ROC AUC. For that, the rows of each class are
 * drawn from that class, in the order of the classes and in the order of the rows: without a row of
 * each class it is not defined. Other metrics are drawn from all rows, because strata make their
 * intervals too narrow.
 *
 * <p>Resample {@code r} takes its random numbers from stream {@code r} of the seed for metrics of
 * answers, from stream {@code 2⁶² + r} for the ROC AUC, and from stream {@code 2⁶¹ + r} for means,
 * so that it is the same on any number of threads and an independent program can draw it again.
 *
 * @param seed of the random numbers
 * @param resamples at least 100; 10,000 for intervals
 */
public record PairedBootstrap(long seed, int resamples) {
  /** Enough for the ends of a 95 % interval to vary by about a hundredth of its width. */
  public static final int RESAMPLES = 10_000;

  private static final long STRATIFIED = 1L << 62;
  private static final long OF_ROWS = 1L << 61;

  /** Resamples that one thread draws with one set of scratch arrays. */
  private static final int CHUNK = 250;

  /**
   * The distributions of {@code second − first} for several metrics, on the same draws.
   *
   * @param first answers of one classifier
   * @param second answers of the other on the same rows in the same order
   */
  public Map<Metric, Bootstrap> differences(
      Set<Metric> metrics, Predictions first, Predictions second) {
    if (!Arrays.equals(first.labels(), second.labels())) {
      throw new IllegalArgumentException("the two have not answered the same rows");
    }
    Metric[] ofAnswers =
        metrics.stream().filter(metric -> metric != Metric.ROC_AUC).toArray(Metric[]::new);
    Map<Metric, Bootstrap> distributions = new LinkedHashMap<>();
    if (ofAnswers.length > 0) {
      double[][] values = ofAnswers(ofAnswers, first, second);
      for (int i = 0; i < ofAnswers.length; i++) {
        distributions.put(ofAnswers[i], distribution(ofAnswers[i], values[i], first, second));
      }
    }
    if (metrics.contains(Metric.ROC_AUC)) {
      distributions.put(
          Metric.ROC_AUC, distribution(Metric.ROC_AUC, ofRocAuc(first, second), first, second));
    }
    return distributions;
  }

  /**
   * The distribution of a mean over rows.
   *
   * @param values one per row, such as the difference of two losses
   */
  public Bootstrap mean(double[] values) {
    double[] means = new double[resamples];
    forEachChunk(
        (from, to) -> {
          int[] drawn = new int[values.length];
          for (int resample = from; resample < to; resample++) {
            new Philox(seed, OF_ROWS + resample).fillIndices(drawn, drawn.length);
            double sum = 0;
            for (int row : drawn) {
              sum += values[row];
            }
            means[resample] = sum / values.length;
          }
        });
    double mean = Arrays.stream(values).average().orElseThrow();
    Influence influence = new Influence(Arrays.stream(values).map(value -> value - mean).toArray());
    return Bootstrap.of(mean, means, influence.acceleration());
  }

  private static Bootstrap distribution(
      Metric metric, double[] values, Predictions first, Predictions second) {
    Influence influence = Influence.of(metric, second).minus(Influence.of(metric, first));
    return Bootstrap.of(metric.of(second) - metric.of(first), values, influence.acceleration());
  }

  /** One array of differences per metric. */
  private double[][] ofAnswers(Metric[] metrics, Predictions first, Predictions second) {
    PairedCells cells = PairedCells.of(first, second);
    double[][] values = new double[metrics.length][resamples];
    forEachChunk(
        (from, to) -> {
          int[] counts = new int[cells.size()];
          for (int resample = from; resample < to; resample++) {
            cells.draw(new Philox(seed, resample), counts);
            ConfusionMatrix ofFirst = cells.confusion(counts, false);
            ConfusionMatrix ofSecond = cells.confusion(counts, true);
            for (int i = 0; i < metrics.length; i++) {
              values[i][resample] =
                  metrics[i].of(ofSecond, second.positive())
                      - metrics[i].of(ofFirst, first.positive());
            }
          }
        });
    return values;
  }

  private double[] ofRocAuc(Predictions first, Predictions second) {
    int classes = first.classes();
    int[][] rowsOfClass =
        IntStream.range(0, classes)
            .mapToObj(label -> rowsOf(first.labels(), label))
            .toArray(int[][]::new);
    int[] labels =
        first.isBinary() ? new int[] {first.positive()} : IntStream.range(0, classes).toArray();
    RankedRows[] ofFirst = ranked(first, labels);
    RankedRows[] ofSecond = ranked(second, labels);
    double[] values = new double[resamples];
    forEachChunk(
        (from, to) -> {
          int[][] drawn =
              Arrays.stream(rowsOfClass).map(rows -> new int[rows.length]).toArray(int[][]::new);
          int[] counts = new int[first.rows()];
          for (int resample = from; resample < to; resample++) {
            Philox random = new Philox(seed, STRATIFIED + resample);
            Arrays.fill(counts, 0);
            for (int label = 0; label < classes; label++) {
              random.fillIndices(drawn[label], drawn[label].length);
              for (int index : drawn[label]) {
                counts[rowsOfClass[label][index]]++;
              }
            }
            values[resample] = meanArea(ofSecond, counts) - meanArea(ofFirst, counts);
          }
        });
    return values;
  }

  private static RankedRows[] ranked(Predictions predictions, int[] labels) {
    return Arrays.stream(labels)
        .mapToObj(label -> RankedRows.of(predictions, label))
        .toArray(RankedRows[]::new);
  }

  private static double meanArea(RankedRows[] ranked, int[] counts) {
    double sum = 0;
    for (RankedRows ofClass : ranked) {
      sum += ofClass.area(counts);
    }
    return sum / ranked.length;
  }

  private static int[] rowsOf(int[] labels, int label) {
    return IntStream.range(0, labels.length).filter(row -> labels[row] == label).toArray();
  }

  private interface Chunk {
    void draw(int from, int to);
  }

  private void forEachChunk(Chunk chunk) {
    IntStream.range(0, (resamples + CHUNK - 1) / CHUNK)
        .parallel()
        .forEach(i -> chunk.draw(i * CHUNK, Math.min(resamples, (i + 1) * CHUNK)));
  }

  /**
   * The distinct combinations of true class and both answers, in this order: what a metric of
   * answers needs to know of the rows.
   *
   * @param label the true class of each combination
   * @param first the first answer of each combination
   * @param second the second answer of each combination
   * @param rows of each combination
   */
  private record PairedCells(int classes, int[] label, int[] first, int[] second, int[] rows) {

    static PairedCells of(Predictions first, Predictions second) {
      int classes = first.classes();
      long[] keys = new long[first.rows()];
      for (int row = 0; row < keys.length; row++) {
        long answered = (long) first.labels()[row] * classes + first.answer(row);
        keys[row] = answered * classes + second.answer(row);
      }
      Arrays.sort(keys);
      int[] label = new int[keys.length];
      int[] ofFirst = new int[keys.length];
      int[] ofSecond = new int[keys.length];
      int[] rows = new int[keys.length];
      int cells = 0;
      for (int row = 0; row < keys.length; row++) {
        if (row == 0 || keys[row] != keys[row - 1]) {
          label[cells] = (int) (keys[row] / classes / classes);
          ofFirst[cells] = (int) (keys[row] / classes % classes);
          ofSecond[cells] = (int) (keys[row] % classes);
          cells++;
        }
        rows[cells - 1]++;
      }
      return new PairedCells(
          classes,
          Arrays.copyOf(label, cells),
          Arrays.copyOf(ofFirst, cells),
          Arrays.copyOf(ofSecond, cells),
          Arrays.copyOf(rows, cells));
    }

    int size() {
      return label.length;
    }

    /** Draws as many rows as there are; {@code counts} gets the number of each combination. */
    void draw(Philox random, int[] counts) {
      int left = 0;
      for (int ofCell : rows) {
        left += ofCell;
      }
      int toDraw = left;
      for (int cell = 0; cell < counts.length; cell++) {
        boolean isLast = cell == counts.length - 1;
        double share = (double) rows[cell] / left;
        counts[cell] = isLast ? toDraw : Binomial.draw(toDraw, share, random.nextDouble());
        toDraw -= counts[cell];
        left -= rows[cell];
      }
    }

    ConfusionMatrix confusion(int[] counts, boolean ofSecond) {
      int[] answers = ofSecond ? second : first;
      long[][] confusion = new long[classes][classes];
      for (int cell = 0; cell < counts.length; cell++) {
        confusion[label[cell]][answers[cell]] += counts[cell];
      }
      return new ConfusionMatrix(confusion);
    }
  }

  /**
   * Rows in the order of one class's probability.
   *
   * @param ascending row indices
   * @param isTied one per position: whether its probability equals the one before
   * @param isInside one per position: whether its row is of the class
   */
  private record RankedRows(int[] ascending, boolean[] isTied, boolean[] isInside) {
    static RankedRows of(Predictions predictions, int label) {
      int rows = predictions.rows();
      int[] ascending =
          IntStream.range(0, rows)
              .boxed()
              .sorted(Comparator.comparingDouble(row -> predictions.probability(row, label)))
              .mapToInt(Integer::intValue)
              .toArray();
      boolean[] isTied = new boolean[rows];
      boolean[] isInside = new boolean[rows];
      for (int i = 0; i < rows; i++) {
        isTied[i] =
            i > 0
                && predictions.probability(ascending[i], label)
                    == predictions.probability(ascending[i - 1], label);
        isInside[i] = predictions.labels()[ascending[i]] == label;
      }
      return new RankedRows(ascending, isTied, isInside);
    }

    /** The area under the ROC curve where rows count as often as they are drawn. */
    double area(int[] counts) {
      long outsideBelow = 0;
      long outsideHere = 0;
      long inside = 0;
      long insideHere = 0;
      long twiceWins = 0;
      for (int i = 0; i < ascending.length; i++) {
        if (!isTied[i]) {
          twiceWins += insideHere * (2 * outsideBelow + outsideHere);
          outsideBelow += outsideHere;
          inside += insideHere;
          outsideHere = 0;
          insideHere = 0;
        }
        int count = counts[ascending[i]];
        if (isInside[i]) {
          insideHere += count;
        } else {
          outsideHere += count;
        }
      }
      twiceWins += insideHere * (2 * outsideBelow + outsideHere);
      return twiceWins / 2.0 / ((double) (inside + insideHere) * (outsideBelow + outsideHere));
    }
  }
}
