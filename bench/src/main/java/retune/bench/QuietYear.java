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
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.Gate;
import retune.core.judgement.ledger.EDetector;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.PairedAnswers;
import retune.core.judgement.ledger.Superiority;
import retune.core.judgement.ledger.Superiority.Standing;
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
 * retraining or a false promotion, and how many days pass until a real loss is acted on, or a
 * better challenger is proved better.
 *
 * <p>Rows are resampled from a champion's answers on its hold-out rows, at several shares of
 * positive rows; the decision threshold is the best for each share. A day of resampled rows is a
 * multinomial draw of the confusion matrix's cells, which is the same and faster. The gate is the
 * metric's value over all rows, so that the champion is exactly at the gate. A loss replaces a
 * share of the answers by answers that are independent of the label. There are always as many
 * challengers as a model may have, each for as many days as it may take, and all answer as well as
 * the champion: each differs from the common answers on 3 % of the rows at random. A promotion is
 * counted where the evidence proves one better; the checks that follow only make it rarer. A better
 * challenger is alone, and the champion's answers are its own with such a loss.
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
    Sampler rivals = new Sampler(rivals(shares));
    double promoted = shareOfYears(random -> promotesByChance(rivals, random));
    String losses =
        Arrays.stream(LOSSES)
            .filter(loss -> value(worse(shares, 1)) < gate.threshold() - loss)
            .mapToObj(
                loss ->
                    lossOf(
                        loss,
                        gate,
                        new Sampler(worse(shares, noise(shares, gate.threshold() - loss, 0, 1)))))
            .collect(Collectors.joining(", "));
    String gains =
        Arrays.stream(LOSSES)
            .filter(gain -> value(worse(shares, 1)) < gate.threshold() - gain)
            .mapToObj(
                gain ->
                    gainOf(
                        gain,
                        new Sampler(pair(shares, noise(shares, gate.threshold() - gain, 0, 1)))))
            .collect(Collectors.joining(", "));
    System.err.printf(
        Locale.ROOT,
        "%s %.4f, %.0f %% positives, %d rows: false years %.3f, by the point rule %.3f, promotions"
            + " %.3f; %s; %s%n",
        metric.id(),
        gate.threshold(),
        100 * positives,
        rows,
        ledger,
        point,
        promoted,
        losses,
        gains);
    return String.format(
        Locale.ROOT,
        "{\"metric\": \"%s\", \"positives\": %s, \"rows\": %d, \"gate\": %.6f, \"false_years\":"
            + " %.4f, \"false_years_point\": %.4f, \"false_promotion_years\": %.4f, \"losses\":"
            + " [%s], \"gains\": [%s]}",
        metric.id(),
        positives,
        rows,
        gate.threshold(),
        ledger,
        point,
        promoted,
        losses,
        gains);
  }

  private String gainOf(double gain, Sampler pair) {
    int[] days = days(random -> proof(pair, random));
    return String.format(
        Locale.ROOT,
        "{\"gain\": %s, \"median\": %d, \"p90\": %d, \"dropped\": %.3f}",
        gain,
        days[years / 2],
        days[years * 9 / 10],
        (double) Arrays.stream(days).filter(day -> day > EDetector.YEAR).count() / years);
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

  /** The day on which a challenger is proved better; empty where it is dropped before. */
  private OptionalInt proof(Sampler pair, SplittableRandom random) {
    Superiority superiority = Superiority.start(0);
    while (superiority.standing() == Standing.OPEN) {
      PairedAnswers answers = PairedAnswers.ofCounts(pair.draw(rows, random), 2, 1);
      superiority =
          superiority.after(answers.superiority(metric), answers.swapped().superiority(metric), 1);
    }
    return superiority.standing() == Standing.BETTER
        ? OptionalInt.of(superiority.days())
        : OptionalInt.empty();
  }

  /** Whether a year proves one of the challengers better. */
  private boolean promotesByChance(Sampler rivals, SplittableRandom random) {
    Superiority[] challengers = new Superiority[Superiority.MOST_CHALLENGERS];
    for (int day = 0; day < EDetector.YEAR; day++) {
      if (day % Superiority.MOST_DAYS == 0) {
        Arrays.fill(challengers, Superiority.start(day));
      }
      long[] cells = rivals.draw(rows, random);
      for (int i = 0; i < challengers.length; i++) {
        challengers[i] =
            challengers[i].after(
                beside(cells, i).superiority(metric), EValues.none(), 1.0 / challengers.length);
        if (challengers[i].standing() == Standing.BETTER) {
          return true;
        }
      }
    }
    return false;
  }

  /** The champion's answers and those of one challenger. */
  private static PairedAnswers beside(long[] cells, int challenger) {
    long[] pair = new long[8];
    for (int cell = 0; cell < cells.length; cell++) {
      int champion = cell >> Superiority.MOST_CHALLENGERS;
      pair[2 * champion + (cell >> challenger & 1)] += cells[cell];
    }
    return PairedAnswers.ofCounts(pair, 2, 1);
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

  /** The noise that brings the metric to a value, by bisection between two shares of it. */
  private double noise(double[] shares, double value, double low, double high) {
    double middle = (low + high) / 2;
    if (high - low < 1e-9) {
      return middle;
    }
    return value(worse(shares, middle)) > value
        ? noise(shares, value, middle, high)
        : noise(shares, value, low, middle);
  }

  /**
   * By label, champion's answer and challenger's answer, where the champion's are the challenger's,
   * but for a share that is independent of the label.
   */
  private static double[] pair(double[] shares, double noise) {
    double[] ofAnswer = {shares[0] + shares[2], shares[1] + shares[3]};
    double[] pair = new double[8];
    for (int cell = 0; cell < pair.length; cell++) {
      int champion = cell / 2 % 2;
      int challenger = cell % 2;
      double same = champion == challenger ? 1 - noise : 0;
      pair[cell] = shares[cell / 4 * 2 + challenger] * (same + noise * ofAnswer[champion]);
    }
    return pair;
  }

  /** By label, champion's answer and the answer of each challenger, one binary digit each. */
  private static double[] rivals(double[] shares) {
    int answers = 1 + Superiority.MOST_CHALLENGERS;
    double[] rivals = new double[2 << answers];
    for (int cell = 0; cell < rivals.length; cell++) {
      int label = cell >> answers;
      for (int common = 0; common < 2; common++) {
        double chance = shares[2 * label + common];
        for (int answer = 0; answer < answers; answer++) {
          chance *= (cell >> answer & 1) == common ? 1 - CHANGED : CHANGED;
        }
        rivals[cell] += chance;
      }
    }
    return rivals;
  }
}
