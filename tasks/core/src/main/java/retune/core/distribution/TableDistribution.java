package retune.core.distribution;

import java.util.List;
import java.util.Objects;
import retune.core.InvalidInputException;
import retune.core.data.Target;

/**
 * The learned distribution of a table: for each class of the target, a mixture of Gaussian copulas
 * (Nelsen 2006, "An Introduction to Copulas", section 2.9), one for each cluster of the class's
 * rows. Generated rows therefore keep the relation between features and label. The number of
 * columns and classes limits its size; the number of rows does not matter.
 *
 * @param format always {@link #FORMAT}
 * @param numericTarget whether the labels are numbers in the table
 * @param columns the feature columns, in the order of the table
 * @param components one or more per class
 * @param sourceHash SHA-256 of the source of the table
 */
public record TableDistribution(
    String format,
    Target target,
    boolean numericTarget,
    List<FeatureColumn> columns,
    List<Component> components,
    String sourceHash) {
  public static final String FORMAT = "retune.distribution/1";

  public TableDistribution {
    columns = List.copyOf(columns);
    components = List.copyOf(components);
    if (!format.equals(FORMAT)) {
      throw new InvalidInputException(
          "The distribution's format is '" + format + "', which is not '" + FORMAT + "'.");
    }
    if (components.isEmpty()) {
      throw new InvalidInputException(
          "The distribution has no component; learn the distribution again.");
    }
    for (Component component : components) {
      if (component.marginals().size() != columns.size()) {
        throw new InvalidInputException(
            "A component of the distribution has "
                + component.marginals().size()
                + " marginals for "
                + columns.size()
                + " columns; learn the distribution again.");
      }
      Objects.checkIndex(component.label(), target.classes().size());
    }
  }

  /** Number of rows learned from. */
  public long rows() {
    return components.stream().mapToLong(Component::rows).sum();
  }

  /** The share of rows of each class, 0 … 1. */
  double[] classShares() {
    double[] shares = new double[target.classes().size()];
    for (Component component : components) {
      shares[component.label()] += (double) component.rows() / rows();
    }
    return shares;
  }
}
