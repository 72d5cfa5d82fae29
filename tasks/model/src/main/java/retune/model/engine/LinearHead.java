package retune.model.engine;

import java.util.SortedMap;
import java.util.TreeMap;
import retune.model.Tensor;
import retune.model.Weights;

/**
 * The head of a model of texts: a logit for each class, linear in the weights of terms.
 *
 * @param weights {@code [term][class]}: those of a term lie side by side
 * @param bias {@code [class]}
 */
public record LinearHead(float[] weights, float[] bias) {
  private static final String WEIGHT = "fc.0.weight";
  private static final String BIAS = "fc.0.bias";

  /** A head of zeros. */
  public static LinearHead zero(int terms, int classes) {
    return new LinearHead(new float[terms * classes], new float[classes]);
  }

  /** The head among a version's weights. */
  public static LinearHead of(Weights weights) {
    Tensor tensor = weights.get(WEIGHT);
    int classes = tensor.shape()[0];
    int terms = tensor.shape()[1];
    float[] byTerm = new float[terms * classes];
    for (int label = 0; label < classes; label++) {
      for (int term = 0; term < terms; term++) {
        byTerm[term * classes + label] = tensor.values()[label * terms + term];
      }
    }
    return new LinearHead(byTerm, weights.get(BIAS).values().clone());
  }

  /** The head's tensors, by the names of {@link Weights}. */
  public SortedMap<String, Tensor> tensors() {
    int terms = weights.length / classes();
    float[] byClass = new float[weights.length];
    for (int term = 0; term < terms; term++) {
      for (int label = 0; label < classes(); label++) {
        byClass[label * terms + term] = weights[term * classes() + label];
      }
    }
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    tensors.put(WEIGHT, new Tensor(new int[] {classes(), terms}, byClass));
    tensors.put(BIAS, new Tensor(new int[] {classes()}, bias.clone()));
    return tensors;
  }

  public int classes() {
    return bias.length;
  }

  /** A copy that shares no array. */
  public LinearHead copy() {
    return new LinearHead(weights.clone(), bias.clone());
  }

  /**
   * Applies the head to one encoded text, see {@link retune.core.preprocessing.TfIdf}.
   *
   * @param at where its pairs begin
   * @param size how many numbers they are
   * @param logits receives one number per class, from {@code to} on
   */
  public void apply(float[] encoded, int at, int size, float[] logits, int to) {
    System.arraycopy(bias, 0, logits, to, bias.length);
    for (int pair = at; pair < at + size && encoded[pair + 1] != 0; pair += 2) {
      int first = ((int) encoded[pair]) * bias.length;
      float weight = encoded[pair + 1];
      for (int label = 0; label < bias.length; label++) {
        logits[to + label] += weight * weights[first + label];
      }
    }
  }
}
