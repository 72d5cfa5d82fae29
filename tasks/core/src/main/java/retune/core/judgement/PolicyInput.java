package retune.core.judgement;

import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;

/**
 * What a {@link PromotionPolicy} may look at beside the answers of candidate and champion.
 *
 * @param classes the names of the classes by index; without them the indices are the names
 * @param columns of the judged rows, in their order; those that the policy names are enough
 * @param latency null where the policy does not ask for it
 */
public record PolicyInput(List<String> classes, Table columns, @Nullable Latency latency) {
  /** Enough for policies that look at answers alone. */
  public static final PolicyInput NONE = new PolicyInput(List.of(), new Table(List.of()), null);

  public PolicyInput {
    classes = List.copyOf(classes);
  }

  /**
   * How long a prediction for one row takes.
   *
   * @param candidate median in seconds
   * @param champion median in seconds on the same rows, above 0
   * @param rows number of predictions of each
   */
  public record Latency(double candidate, double champion, int rows) {
    /** How many times the champion's time the candidate takes. */
    public double ratio() {
      return candidate / champion;
    }
  }

  /** The name of a class in quotation marks. */
  String className(int label) {
    return "'%s'".formatted(classes.isEmpty() ? label : classes.get(label));
  }
}
