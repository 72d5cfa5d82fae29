package retune.serving.prediction;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.data.Target;

/**
 * A prediction for one row.
 *
 * @param target the column that is predicted, with its classes
 * @param answer index of the predicted class
 * @param probabilities of all classes, in the order of the target
 * @param warnings about how the row was read
 */
public record Prediction(Target target, int answer, double[] probabilities, Warnings warnings) {
  public String answeredClass() {
    return target.classes().get(answer);
  }

  /** The probability of the predicted class. */
  public double confidence() {
    return probabilities[answer];
  }

  /**
   * The prediction as JSON. {@code prediction} is the probability of the positive class if there
   * are two classes, else that of the predicted class.
   */
  public Map<String, Object> json() {
    List<String> classes = target.classes();
    Map<String, Double> byClass = new LinkedHashMap<>();
    for (int i = 0; i < probabilities.length; i++) {
      byClass.put(classes.get(i), probabilities[i]);
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("prediction", probabilities[target.isBinary() ? target.positiveIndex() : answer]);
    json.put("prediction_class", answeredClass());
    json.put("probabilities", byClass);
    json.put("warnings", warnings.first());
    if (warnings.leftOut() > 0) {
      json.put("warnings_left_out", warnings.leftOut());
    }
    return json;
  }
}
