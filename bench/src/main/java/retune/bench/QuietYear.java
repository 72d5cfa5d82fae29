package retune.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.Gate;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.DecisionThreshold;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.Preprocessing;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;

/**
 * A year of daily verdicts on a champion that does not change: how many years contain a false
 * retraining or a false promotion, and how many days pass until a real loss is acted on.
 *
 * <p>Rows are resampled from a champion's answers on its hold-out rows, at several shares of
 * positive rows; the decision threshold is the best for each share. A day of resampled rows is a
 * multinomial draw of the confusion matrix's cells, which is the same and faster. The gate is the
 * metric's value over all rows, so that the champion is exactly at the gate. A loss replaces a
 * share of the answers by answers that are independent of the label. The challenger answers as well
 * as the champion: each differs from the common answers on 3 % of the rows at random.
 */
public final class QuietYear {
  private static final double HOLDOUT_SHARE = 0.15;
  private static final double VALIDATION_SHARE = 0.15 / 0.85;
  private static final int SEED = 0;
  private static final int RESAMPLED = 200_000;
  private static final double CHANGED = 0.03;
  private static final double[] POSITIVES = {0.02, 0.05, 0.22};
  private static final int[] ROWS = {300, 1_000, 3_000, 10_000};
  private static final double[] LOSSES = {0.02, 0.05, 0.1};

  private final Metric metric;
  private final int rows;
  private final int years;

  private QuietYear(Metric metric, int rows, int years) {
    this.metric = metric;
    this.rows = rows;
    this.years = years;
  }

  /**
   * Prints one line of JSON.
   *
   * @param words the model's folder; the table that it was trained on, CSV; the number of years
   */
  public static void main(String[] words) throws IOException {
    Predictions holdout = holdout(Path.of(words[0]), Path.of(words[1]));
    int years = Integer.parseInt(words[2]);
    List<String> cells = new ArrayList<>();
    for (Metric metric : List.of(Metric.F1_SCORE, Metric.F1_MACRO)) {
      for (double positives : POSITIVES) {
        double[] shares = shares(metric, holdout, positives);
        for (int rows : ROWS) {
          cells.add(new QuietYear(metric, rows, years).measure(positives, shares));
        }
      }
    }
    System.out.printf(
        Locale.ROOT,
        "{\"holdout\": %d, \"years\": %d, \"limit\": %s, \"cells\": [%s]}%n",
        holdout.rows(),
        years,
        EDetector.LIMIT,
        String.join(", ", cells));
  }

  /** The champion's answers on the rows that {@code train_model} has left out. */
  private static Predictions holdout(Path folder, Path file) throws IOException {
    ModelFolder.Content model = ModelFolder.read(folder, CodeTrust.REFUSED);
    ModelVersion version = model.version();
    Target target = version.target();
    Table table = CsvTables.readAll(file, CsvOptions.as(version.preprocessing().notation()));
    int[] labels = target.encode(table.column(target.column()));
    Table raw = table.without(Set.of("ID", target.column()));
    long[] hashes = Hashing.rows(raw, raw.names().stream().sorted().toList());
    int[] chosen =
        Split.of(hashes, labels, HOLDOUT_SHARE, VALIDATION_SHARE, SEED).rows(Part.HOLDOUT);
    Preprocessing.Result result = version.preprocessing().apply(raw.select(chosen));
    int[] kept = Arrays.stream(result.keptRows()).map(row -> labels[chosen[row]]).toArray();
    try (Engine engine = Engines.open(version, model.weights())) {
      return new Predictor(version, engine).predict(result.features()).against(kept);
    }
  }

  /** The shares of true negatives, false positives, false negatives and true positives. */
  private static double[] shares(Metric metric, Predictions holdout, double positives) {
    double threshold = DecisionThreshold.best(metric, resampled(holdout, positives)).threshold();
    double[] shares = new double[4];
    double[] ofLabel = new double[2];
    for (int row = 0; row < holdout.rows(); row++) {
      int label = holdout.labels()[row] == holdout.positive() ? 1 : 0;
      int answer = holdout.probability(row, holdout.positive()) >= threshold ? 1 : 0;
      shares[2 * label + answer]++;
      ofLabel[label]++;
    }
    double[] weights = {1 - positives, positives};
    return IntStream.range(0, 4)
        .mapToDouble(cell -> weights[cell / 2] * shares[cell] / ofLabel[cell / 2])
        .toArray();
  }

  private static Predictions resampled(Predictions rows, double positives) {
    SplittableRandom random = new SplittableRandom(SEED);
    int[][] byLabel =
        IntStream.range(0, 2)
            .mapToObj(
                label ->
                    IntStream.range(0, rows.rows())
                        .filter(row -> rows.labels()[row] == label)
                        .toArray())
            .toArray(int[][]::new);
    int[] labels = new int[RESAMPLED];
    double[] probabilities = new double[2 * RESAMPLED];
    for (int i = 0; i < RESAMPLED; i++) {
      labels[i] = i < positives * RESAMPLED ? rows.positive() : 1 - rows.positive();
      int[] of = byLabel[labels[i]];
      int row = of[random.nextInt(of.length)];
      probabilities[2 * i] = rows.probability(row, 0);
      probabilities[2 * i + 1] = rows.probability(row, 1);
    }
    return new Predictions(labels, probabilities, 2, rows.positive(), 0.5);
  }

  private String measure(double positives, double[] shares) {
    Gate gate = new Gate(metric, value(shares));
    Sampler quiet = new Sampler(shares);
    double ledger = shareOfYears(random -> harm(gate, quiet, random).isPresent());
    double point = shareOfYears(random -> below(gate, quiet, random).isPresent());
    Sampler pair = new Sampler(pair(shares));
    double promoted = shareOfYears(random -> superiority(pair, random).isPresent());
    String losses =
        Arrays.stream(LOSSES)
            .filter(loss -> value(worse(shares, 1)) < gate.threshold() - loss)
            .mapToObj(
                loss ->
                    lossOf(loss, gate, new Sampler(worse(shares, gate.threshold() - loss, 0, 1))))
            .collect(Collectors.joining(", "));
    System.err.printf(
        Locale.ROOT,
        "%s %.4f, %.0f %% positives, %d rows: false years %.3f, by the point rule %.3f, promotions"
            + " %.3f; %s%n",
        metric.id(),
        gate.threshold(),
        100 * positives,
        rows,
        ledger,
        point,
        promoted,
        losses);
    return String.format(
        Locale.ROOT,
        "{\"metric\": \"%s\", \"positives\": %s, \"rows\": %d, \"gate\": %.6f, \"false_years\":"
            + " %.4f, \"false_years_point\": %.4f, \"false_promotion_years\": %.4f, \"losses\":"
            + " [%s]}",
        metric.id(),
        positives,
        rows,
        gate.threshold(),
        ledger,
        point,
        promoted,
        losses);
  }

  private String lossOf(double loss, Gate gate, Sampler worse) {
    int[] ledger = days(random -> harm(gate, worse, random));
    int[] point = days(random -> below(gate, worse, random));
    return String.format(
        Locale.ROOT,
        "{\"loss\": %s, \"median\": %d, \"p90\": %d, \"median_point\": %d, \"p90_point\": %d}",
        loss,
        ledger[years / 2],
        ledger[years * 9 / 10],
        point[years / 2],
        point[years * 9 / 10]);
  }

  private interface Year {
    OptionalInt actedOn(SplittableRandom random);
  }

  private interface Check {
    boolean of(SplittableRandom random);
  }

  private double shareOfYears(Check check) {
    return (double)
            IntStream.range(0, years)
                .parallel()
                .filter(year -> check.of(new SplittableRandom(SEED + year)))
                .count()
        / years;
  }

  /** Days until something was done, ascending; one more than a year where nothing was. */
  private int[] days(Year year) {
    return IntStream.range(0, years)
        .parallel()
        .map(i -> year.actedOn(new SplittableRandom(SEED + years + i)).orElse(EDetector.YEAR + 1))
        .sorted()
        .toArray();
  }

  /** The day, from 1, on which the ledger decides and the day is below the gate. */
  private OptionalInt harm(Gate gate, Sampler sampler, SplittableRandom random) {
    EDetector detector = EDetector.start();
    for (int day = 1; day <= EDetector.YEAR; day++) {
      ConfusionMatrix answers = matrix(sampler.draw(rows, random));
      detector = detector.after(EValues.ofHarm(gate, answers, 1));
      if (detector.isDecided() && metric.of(answers, 1) < gate.threshold()) {
        return OptionalInt.of(day);
      }
    }
    return OptionalInt.empty();
  }

  private OptionalInt below(Gate gate, Sampler sampler, SplittableRandom random) {
    return IntStream.rangeClosed(1, EDetector.YEAR)
        .filter(day -> metric.of(matrix(sampler.draw(rows, random)), 1) < gate.threshold())
        .findFirst();
  }

  private OptionalInt superiority(Sampler pair, SplittableRandom random) {
    EDetector detector = EDetector.start();
    for (int day = 1; day <= EDetector.YEAR; day++) {
      detector = detector.after(EValues.ofSuperiority(metric, pair.draw(rows, random), 2, 1));
      if (detector.isDecided()) {
        return OptionalInt.of(day);
      }
    }
    return OptionalInt.empty();
  }

  private double value(double[] shares) {
    return metric.of(
        matrix(Arrays.stream(shares).mapToLong(share -> Math.round(share * 1e15)).toArray()), 1);
  }

  private static ConfusionMatrix matrix(long[] cells) {
    return new ConfusionMatrix(new long[][] {{cells[0], cells[1]}, {cells[2], cells[3]}});
  }

  /** The shares after a share of the answers has become independent of the label. */
  private static double[] worse(double[] shares, double noise) {
    double[] ofAnswer = {shares[0] + shares[2], shares[1] + shares[3]};
    double[] ofLabel = {shares[0] + shares[1], shares[2] + shares[3]};
    return IntStream.range(0, 4)
        .mapToDouble(
            cell -> (1 - noise) * shares[cell] + noise * ofLabel[cell / 2] * ofAnswer[cell % 2])
        .toArray();
  }

  /** The same with the metric at a value, by bisection between two shares of noise. */
  private double[] worse(double[] shares, double value, double low, double high) {
    double middle = (low + high) / 2;
    double[] worse = worse(shares, middle);
    if (high - low < 1e-9) {
      return worse;
    }
    return value(worse) > value
        ? worse(shares, value, middle, high)
        : worse(shares, value, low, middle);
  }

  /** By label, champion's answer and challenger's answer. */
  private static double[] pair(double[] shares) {
    ToDoubleFunction<Boolean> chance = differs -> differs ? CHANGED : 1 - CHANGED;
    double[] pair = new double[8];
    for (int cell = 0; cell < 8; cell++) {
      int label = cell / 4;
      int champion = cell / 2 % 2;
      int challenger = cell % 2;
      for (int common = 0; common < 2; common++) {
        pair[cell] +=
            shares[2 * label + common]
                * chance.applyAsDouble(champion != common)
                * chance.applyAsDouble(challenger != common);
      }
    }
    return pair;
  }
}
