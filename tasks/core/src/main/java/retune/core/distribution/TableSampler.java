package retune.core.distribution;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.statistics.distribution.NormalDistribution;
import retune.core.data.Column;
import retune.core.data.Table;

/** Draws rows from a distribution: one random generator for a block's rows, one for its drill. */
public final class TableSampler implements DaySampler {
  private static final NormalDistribution NORMAL = NormalDistribution.of(0, 1);

  private final TableDistribution distribution;
  private final long seed;
  private final LocalDate logicalDate;
  private final Drills drills;

  /** One per component: its number of rows. */
  private final Weights weights;

  /** One per component: the lower Cholesky factor of its correlation. */
  private final List<double[][]> factors;

  /**
   * A sampler of the distribution.
   *
   * @param seed random seed
   * @throws retune.core.InvalidInputException if a correlation matrix is not positive definite
   */
  public TableSampler(
      TableDistribution distribution, long seed, LocalDate logicalDate, Drill drill) {
    this.distribution = distribution;
    this.seed = seed;
    this.logicalDate = logicalDate;
    drills = new Drills(distribution, drill);
    List<Component> components = distribution.components();
    weights = new Weights(components.stream().mapToDouble(Component::rows).toArray());
    factors = components.stream().map(one -> Correlation.cholesky(one.correlation())).toList();
  }

  @Override
  public Iterator<Table> rows(int from, int to) {
    return blocks(from, to).map(this::table).iterator();
  }

  /**
   * The first rows, in one table.
   *
   * @param rows at least 1
   */
  public Table table(int rows) {
    return table(CodedRows.concatenate(blocks(0, rows).toList()));
  }

  /**
   * The first rows of one block.
   *
   * @param block counted from 0
   * @param rows up to {@link #BLOCK_ROWS}
   */
  public Table block(int block, int rows) {
    return table(draw(block, rows));
  }

  private Stream<CodedRows> blocks(int from, int to) {
    return IntStream.range(from / BLOCK_ROWS, Math.ceilDiv(to, BLOCK_ROWS))
        .mapToObj(block -> draw(block, Math.min(BLOCK_ROWS, to - block * BLOCK_ROWS)));
  }

  private CodedRows draw(int block, int rows) {
    return drills.apply(draw(rows, generator("rows", block)), generator("drill", block));
  }

  private RandomGenerator generator(String purpose, int block) {
    return DaySampler.generator(purpose, seed, logicalDate, block);
  }

  private CodedRows draw(int rows, RandomGenerator random) {
    int columns = distribution.columns().size();
    int[] labels = new int[rows];
    double[][] values = new double[columns][rows];
    double[] independent = new double[columns];
    for (int row = 0; row < rows; row++) {
      int chosen = weights.pick(random.nextDouble());
      Component component = distribution.components().get(chosen);
      labels[row] = component.label();
      for (int column = 0; column < columns; column++) {
        independent[column] = random.nextGaussian();
        double normal = dotProduct(factors.get(chosen)[column], independent);
        Marginal marginal = component.marginals().get(column);
        values[column][row] =
            random.nextDouble() < marginal.missingShare()
                ? Double.NaN
                : marginal.quantile(
                    NORMAL.cumulativeProbability(normal),
                    distribution.columns().get(column).decimals());
      }
    }
    return new CodedRows(labels, values);
  }

  /** The dot product over the length of {@code factor}. */
  private static double dotProduct(double[] factor, double[] independent) {
    double sum = 0;
    for (int i = 0; i < factor.length; i++) {
      sum += factor[i] * independent[i];
    }
    return sum;
  }

  private Table table(CodedRows rows) {
    List<Column> columns = new ArrayList<>();
    for (int column = 0; column < distribution.columns().size(); column++) {
      columns.add(distribution.columns().get(column).column(rows.values()[column]));
    }
    columns.add(labels(rows.labels()));
    return new Table(columns);
  }

  private Column labels(int[] labels) {
    String name = distribution.target().column();
    List<String> classes = distribution.target().classes();
    if (!distribution.numericTarget()) {
      return new Column.Texts(
          name, IntStream.of(labels).mapToObj(classes::get).toArray(String[]::new));
    }
    double[] numbers = classes.stream().mapToDouble(Double::parseDouble).toArray();
    return new Column.Numbers(
        name, IntStream.of(labels).mapToDouble(label -> numbers[label]).toArray());
  }
}
