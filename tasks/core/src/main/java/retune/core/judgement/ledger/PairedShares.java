package retune.core.judgement.ledger;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToIntFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import retune.core.judgement.ledger.PairedAnswers.Cell;

/**
 * The shares of cells by true class, champion's answer and challenger's answer, and how much
 * greater a metric is for the champion than for the challenger.
 *
 * <p>A row's influence is that of the champion's answer less that of the challenger's. So the
 * smoothing, the same for all cells before it is tilted, stays a product of two factors, one for
 * each answer, and the cells without rows, millions with many classes, are summed without visiting
 * them.
 */
final class PairedShares implements TangentBets.Shares {
  private final CellMetric metric;
  private final List<Cell> cells;
  private final Weights weights;
  private final double[] champion;
  private final double[] challenger;

  /**
   * Shares of all cells.
   *
   * @param ofCells shares of the cells that have rows, without their smoothing
   * @param first factors of the smoothing by true class and champion's answer, row-major
   * @param second the same by true class and challenger's answer
   */
  private record Weights(double[] ofCells, double[] first, double[] second) {}

  private PairedShares(CellMetric metric, List<Cell> cells, Weights weights) {
    this.metric = metric;
    this.cells = cells;
    this.weights = weights;
    this.champion = metric.influences(ofChampion(weights));
    this.challenger = metric.influences(ofChallenger(weights));
  }

  /** The smoothed shares of a day. */
  static PairedShares of(CellMetric metric, PairedAnswers answers) {
    double classes = answers.classes();
    double rows = Arrays.stream(answers.labels()).sum() + TangentBets.SMOOTHING;
    double each = TangentBets.SMOOTHING / (classes * classes * classes) / rows;
    double[] factors = new double[answers.classes() * answers.classes()];
    Arrays.fill(factors, Math.sqrt(each));
    double[] ofCells = answers.cells().stream().mapToDouble(cell -> cell.rows() / rows).toArray();
    return new PairedShares(metric, answers.cells(), new Weights(ofCells, factors, factors));
  }

  @Override
  public double value() {
    return value(weights);
  }

  @Override
  public double reach() {
    return ofLabels(
            label ->
                Math.max(
                    greatest(champion, label) - least(challenger, label),
                    greatest(challenger, label) - least(champion, label)))
        .max()
        .orElseThrow();
  }

  @Override
  public double greatest() {
    return ofLabels(label -> greatest(champion, label) - least(challenger, label))
        .max()
        .orElseThrow();
  }

  @Override
  public double variance() {
    double variance = 0;
    for (int i = 0; i < cells.size(); i++) {
      double influence = influence(cells.get(i));
      variance += weights.ofCells[i] * influence * influence;
    }
    return variance + ofLabels(this::varianceOfSmoothing).sum();
  }

  private double varianceOfSmoothing(int label) {
    double one = 0;
    double oneSquared = 0;
    double other = 0;
    double otherSquared = 0;
    for (int at = label * classes(); at < (label + 1) * classes(); at++) {
      double ofFirst = weights.first[at] * champion[at];
      double ofSecond = weights.second[at] * challenger[at];
      one += ofFirst;
      oneSquared += ofFirst * champion[at];
      other += ofSecond;
      otherSquared += ofSecond * challenger[at];
    }
    return oneSquared * sum(weights.second, label)
        - 2 * one * other
        + otherSquared * sum(weights.first, label);
  }

  @Override
  public PairedShares tilted(double tilt) {
    return new PairedShares(metric, cells, weightsOfTilted(tilt));
  }

  @Override
  public double valueOfTilted(double tilt) {
    return value(weightsOfTilted(tilt));
  }

  private Weights weightsOfTilted(double tilt) {
    double[] ofCells = new double[cells.size()];
    for (int i = 0; i < ofCells.length; i++) {
      ofCells[i] = weights.ofCells[i] * Math.exp(tilt * influence(cells.get(i)));
    }
    double[] first = new double[champion.length];
    double[] second = new double[champion.length];
    for (int at = 0; at < first.length; at++) {
      first[at] = weights.first[at] * Math.exp(tilt * champion[at]);
      second[at] = weights.second[at] * Math.exp(-tilt * challenger[at]);
    }
    double sum =
        Arrays.stream(ofCells).sum()
            + ofLabels(label -> sum(first, label) * sum(second, label)).sum();
    return new Weights(
        divided(ofCells, sum), divided(first, Math.sqrt(sum)), divided(second, Math.sqrt(sum)));
  }

  @Override
  public double logWealth(double stake) {
    return cells.stream()
        .mapToDouble(cell -> cell.rows() * Math.log1p(-stake * influence(cell)))
        .sum();
  }

  private double value(Weights of) {
    return metric.value(ofChampion(of)) - metric.value(ofChallenger(of));
  }

  private double[] ofChampion(Weights of) {
    return shares(of.first, of.second, of.ofCells, this::championAt);
  }

  private double[] ofChallenger(Weights of) {
    return shares(of.second, of.first, of.ofCells, this::challengerAt);
  }

  /** The shares by true class and one of the answers. */
  private double[] shares(
      double[] factors, double[] others, double[] ofCells, ToIntFunction<Cell> position) {
    double[] shares = new double[factors.length];
    for (int label = 0; label < classes(); label++) {
      double sum = sum(others, label);
      for (int at = label * classes(); at < (label + 1) * classes(); at++) {
        shares[at] = factors[at] * sum;
      }
    }
    for (int i = 0; i < ofCells.length; i++) {
      shares[position.applyAsInt(cells.get(i))] += ofCells[i];
    }
    return shares;
  }

  private int classes() {
    return metric.classes();
  }

  private double influence(Cell cell) {
    return champion[championAt(cell)] - challenger[challengerAt(cell)];
  }

  private int championAt(Cell cell) {
    return cell.label() * classes() + cell.champion();
  }

  private int challengerAt(Cell cell) {
    return cell.label() * classes() + cell.challenger();
  }

  private DoubleStream ofLabels(IntToDoubleFunction value) {
    return IntStream.range(0, classes()).mapToDouble(value);
  }

  private double sum(double[] values, int label) {
    return ofLabel(values, label).sum();
  }

  private double greatest(double[] values, int label) {
    return ofLabel(values, label).max().orElseThrow();
  }

  private double least(double[] values, int label) {
    return ofLabel(values, label).min().orElseThrow();
  }

  private DoubleStream ofLabel(double[] values, int label) {
    return Arrays.stream(values, label * classes(), (label + 1) * classes());
  }

  private static double[] divided(double[] values, double by) {
    return Arrays.stream(values).map(value -> value / by).toArray();
  }
}
