package retune.serving;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.data.Target;

/**
 * A version's answer to one row.
 *
 * @param answer index of the class answered
 * @param probabilities of all classes, in the target's order
 */
record Prediction(Target target, int answer, double[] probabilities) {
  String answeredClass() {
    return target.classes().get(answer);
  }

  /** The probability of the class answered. */
  double confidence() {
    return probabilities[answer];
  }

  /**
   * The answer as JSON. {@code prediction} is a probability: of two classes that of the positive
   * one, of more that of the class answered.
   */
  Map<String, Object> json() {
    List<String> classes = target.classes();
    Map<String, Double> byClass = new LinkedHashMap<>();
    for (int i = 0; i < probabilities.length; i++) {
      byClass.put(classes.get(i), probabilities[i]);
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("prediction", probabilities[target.isBinary() ? target.positiveIndex() : answer]);
    json.put("prediction_class", answeredClass());
    json.put("probabilities", byClass);
    return json;
  }
}
