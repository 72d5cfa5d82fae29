package retune.core.judgement.ledger;

import java.util.Arrays;
import java.util.stream.IntStream;

/** The shares of the confusion matrix's cells, and a metric of them. */
final class AnswerShares implements TangentBets.Shares {
  private final CellMetric metric;
  private final long[] counts;
  private final double[] shares;
  private final double[] influences;

  private AnswerShares(CellMetric metric, long[] counts, double[] shares) {
    this.metric = metric;
    this.counts = counts;
    this.shares = shares;
    this.influences = metric.influences(shares);
  }

  /**
   * The smoothed shares of a day.
   *
   * @param counts rows by true class and answered class, row-major
   */
  static AnswerShares of(CellMetric metric, long[] counts) {
    double rows = Arrays.stream(counts).sum();
    double each = TangentBets.SMOOTHING / counts.length;
    double[] shares =
        Arrays.stream(counts)
            .mapToDouble(count -> (count + each) / (rows + TangentBets.SMOOTHING))
            .toArray();
    return new AnswerShares(metric, counts, shares);
  }

  @Override
  public double value() {
    return metric.value(shares);
  }

  @Override
  public double reach() {
    return Arrays.stream(influences).map(Math::abs).max().orElseThrow();
  }

  @Override
  public double greatest() {
    return Arrays.stream(influences).max().orElseThrow();
  }

  @Override
  public double variance() {
    return IntStream.range(0, shares.length)
        .mapToDouble(cell -> shares[cell] * influences[cell] * influences[cell])
        .sum();
  }

  @Override
  public AnswerShares tilted(double tilt) {
    return new AnswerShares(metric, counts, sharesOfTilted(tilt));
  }

  @Override
  public double valueOfTilted(double tilt) {
    return metric.value(sharesOfTilted(tilt));
  }

  private double[] sharesOfTilted(double tilt) {
    double[] tilted = new double[shares.length];
    double sum = 0;
    for (int cell = 0; cell < shares.length; cell++) {
      tilted[cell] = shares[cell] * Math.exp(tilt * influences[cell]);
      sum += tilted[cell];
    }
    for (int cell = 0; cell < shares.length; cell++) {
      tilted[cell] /= sum;
    }
    return tilted;
  }

  @Override
  public double logWealth(double stake) {
    return IntStream.range(0, counts.length)
        .filter(cell -> counts[cell] > 0)
        .mapToDouble(cell -> counts[cell] * Math.log1p(-stake * influences[cell]))
        .sum();
  }
}
