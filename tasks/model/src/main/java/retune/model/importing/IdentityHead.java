package retune.model.importing;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import retune.core.data.Target;
import retune.model.Tensor;
import retune.model.Weights;
import retune.model.trees.Forest;
import retune.model.trees.XgboostFile;

/**
 * The head of an encoder whose vector already is logits: {@code relu(x) − relu(−x)}, which is x to
 * the last bit. A single logit is the positive class's, against 0 for the other.
 */
public final class IdentityHead {
  private IdentityHead() {}

  /** The hidden size of the head of so many logits. */
  public static int hidden(int logits) {
    return 2 * logits;
  }

  /** Whether the tensors are this head. */
  public static boolean is(Map<String, Tensor> head, int logits, Target target) {
    return of(logits, target).entrySet().stream()
        .allMatch(
            expected -> {
              Tensor tensor = head.get(expected.getKey());
              return tensor != null && tensor.hasSameContent(expected.getValue());
            });
  }

  /**
   * The weights of a version whose answers are those of trees.
   *
   * @param names the trees' inputs, in order
   */
  public static Weights on(Forest forest, List<String> names, Target target) {
    return new Weights(
        of(forest.outputs(), target),
        new Weights.Archive(Weights.Form.TREES, XgboostFile.ubj(forest, names)));
  }

  /** The head's tensors, by name. */
  public static SortedMap<String, Tensor> of(int logits, Target target) {
    int classes = target.classes().size();
    int hidden = hidden(logits);
    float[] split = new float[hidden * logits];
    float[] join = new float[classes * hidden];
    for (int logit = 0; logit < logits; logit++) {
      int row = logits == classes ? logit : target.positiveIndex();
      split[2 * logit * logits + logit] = 1;
      split[(2 * logit + 1) * logits + logit] = -1;
      join[row * hidden + 2 * logit] = 1;
      join[row * hidden + 2 * logit + 1] = -1;
    }
    SortedMap<String, Tensor> head = new TreeMap<>();
    head.put("fc.0.weight", new Tensor(new int[] {hidden, logits}, split));
    head.put("fc.0.bias", new Tensor(new int[] {hidden}, new float[hidden]));
    head.put("fc.3.weight", new Tensor(new int[] {classes, hidden}, join));
    head.put("fc.3.bias", new Tensor(new int[] {classes}, new float[classes]));
    return head;
  }
}
