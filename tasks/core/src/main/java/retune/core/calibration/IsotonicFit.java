package retune.core.calibration;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import retune.core.calibration.Calibrator.Isotonic;

/** Isotonic regression by pooling adjacent violators, each block as one point at its mean. */
final class IsotonicFit {
  private IsotonicFit() {}

  /** Rows of which the fit says one probability. */
  private record Block(long rows, long positives, double logOdds) {
    Block with(Block next) {
      return new Block(rows + next.rows, positives + next.positives, logOdds + next.logOdds);
    }

    /** Whether the share of positives is below another's; exact, unlike a mean of targets. */
    boolean isBelow(Block other) {
      return positives * other.rows < other.positives * rows;
    }
  }

  /** Empty if all rows are one block. */
  static Optional<Calibrator> of(BinaryRows rows) {
    Deque<Block> blocks = new ArrayDeque<>();
    int[] ascending = rows.ascending();
    for (int i = 0; i < ascending.length; ) {
      double logOdds = rows.logOdds(ascending[i]);
      Block block = new Block(0, 0, 0);
      for (; i < ascending.length && rows.logOdds(ascending[i]) == logOdds; i++) {
        block = block.with(new Block(1, rows.isPositive(ascending[i]) ? 1 : 0, logOdds));
      }
      while (!blocks.isEmpty() && !blocks.getLast().isBelow(block)) {
        block = blocks.removeLast().with(block);
      }
      blocks.addLast(block);
    }
    List<Double> from = new ArrayList<>();
    List<Double> to = new ArrayList<>();
    for (Block block : blocks) {
      double x = block.logOdds / block.rows;
      double y = LogOdds.of(rows.meanTarget(block.positives, block.rows));
      // neighbours that rounding makes equal are one point
      if (from.isEmpty() || (x > from.getLast() && y > to.getLast())) {
        from.add(x);
        to.add(y);
      }
    }
    return from.size() < 2 ? Optional.empty() : Optional.of(new Isotonic(array(from), array(to)));
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
