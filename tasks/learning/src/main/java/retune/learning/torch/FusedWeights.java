package retune.learning.torch;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import retune.core.data.FeatureSchema;
import retune.model.Tensor;
import retune.model.Weights;

/**
 * A network's weights as its TorchScript module holds them: names are identifiers, and the
 * embeddings of all features are one tensor, so that one operation looks up a whole row.
 *
 * <p>{@link #EMBEDDINGS} [sum of cardinalities, embedding size] has the features' tables one below
 * the other; {@link #NUMERIC_WEIGHT} and {@link #NUMERIC_BIAS} [numeric features, d] have one row a
 * feature. Every other tensor has its name with {@code _} for the dots. The encoder's names begin
 * with {@link #ENCODER}.
 */
public final class FusedWeights {
  public static final String ENCODER = "encoder_";
  static final String EMBEDDINGS = "encoder_embeddings_weight";
  static final String NUMERIC_WEIGHT = "encoder_numeric_embeddings_weight";
  static final String NUMERIC_BIAS = "encoder_numeric_embeddings_bias";

  private static final Pattern OF_ONE_FEATURE =
      Pattern.compile("(encoder\\.(?:numeric_)?embeddings)\\.(\\d+)\\.(weight|bias)");

  private FusedWeights() {}

  static SortedMap<String, Tensor> fuse(Weights weights) {
    Map<String, List<Tensor>> parts =
        inOrder(weights.tensors().keySet()).stream()
            .collect(
                Collectors.groupingBy(
                    FusedWeights::fusedName,
                    LinkedHashMap::new,
                    Collectors.mapping(weights::get, Collectors.toList())));
    SortedMap<String, Tensor> fused = new TreeMap<>();
    parts.forEach((name, tensors) -> fused.put(name, fuse(name, tensors)));
    return fused;
  }

  /** The reverse of {@link #fuse}: tensors of these shapes, by their names in {@link Weights}. */
  static Weights split(Map<String, Tensor> fused, SortedMap<String, int[]> shapes) {
    Map<String, Integer> taken = new HashMap<>();
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    for (String name : inOrder(shapes.keySet())) {
      int[] shape = get(shapes, name);
      int size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
      int end = taken.merge(fusedName(name), size, Integer::sum);
      float[] values = get(fused, fusedName(name)).values();
      tensors.put(name, new Tensor(shape, Arrays.copyOfRange(values, end - size, end)));
    }
    return new Weights(tensors);
  }

  /** Where each categorical feature's rows begin in {@link #EMBEDDINGS}. */
  static long[] offsets(FeatureSchema schema) {
    long[] offsets = new long[schema.categorical().size()];
    for (int feature = 1; feature < offsets.length; feature++) {
      offsets[feature] = offsets[feature - 1] + schema.categorical().get(feature - 1).cardinality();
    }
    return offsets;
  }

  private static Tensor fuse(String name, List<Tensor> tensors) {
    int[] shape = tensors.getFirst().shape();
    return switch (name) {
      case EMBEDDINGS -> stack(tensors, shape[1]);
      case NUMERIC_WEIGHT, NUMERIC_BIAS -> stack(tensors, shape[0]);
      default -> tensors.getFirst();
    };
  }

  /** The tensors' values one after the other, as rows of a length. */
  private static Tensor stack(List<Tensor> tensors, int length) {
    float[] values = new float[tensors.stream().mapToInt(tensor -> tensor.values().length).sum()];
    int next = 0;
    for (Tensor tensor : tensors) {
      System.arraycopy(tensor.values(), 0, values, next, tensor.values().length);
      next += tensor.values().length;
    }
    return new Tensor(new int[] {values.length / length, length}, values);
  }

  private static String fusedName(String name) {
    return OF_ONE_FEATURE.matcher(name).replaceFirst("$1.$3").replace('.', '_');
  }

  /** Names of one kind by the number of their feature: 2 before 10. */
  private static List<String> inOrder(Collection<String> names) {
    return names.stream().sorted(Comparator.comparingInt(FusedWeights::feature)).toList();
  }

  private static int feature(String name) {
    Matcher matcher = OF_ONE_FEATURE.matcher(name);
    return matcher.matches() ? Integer.parseInt(matcher.group(2)) : 0;
  }

  private static <T> T get(Map<String, T> values, String name) {
    T value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return value;
  }
}
