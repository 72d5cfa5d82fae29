package retune.model.trees;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * XGBoost's model files, versions 1.6 to 3: JSON and UBJ (xgboost.readthedocs.io, "Introduction to
 * Model IO"). Read are classifiers of the booster {@code gbtree}.
 */
public final class XgboostFile {
  private static final JsonMapper JSON = new JsonMapper();
  private static final String LOGISTIC = "binary:logistic";
  private static final String LOGIT = "binary:logitraw";
  private static final String SOFTPROB = "multi:softprob";
  private static final String SOFTMAX = "multi:softmax";
  private static final int CATEGORICAL = 1;

  /** What the root has for a parent. */
  private static final int NO_PARENT = Integer.MAX_VALUE;

  private XgboostFile() {}

  static TreesFile read(byte[] bytes, String source) {
    Parsed learner = new Parsed(parse(bytes, source), "", source).get("learner");
    Parsed booster = learner.get("gradient_booster");
    String name = booster.get("name").text();
    if (!name.equals("gbtree")) {
      throw refused(source, "has the booster '" + name + "'; only gbtree is read");
    }
    String objective = learner.get("objective").get("name").text();
    if (!List.of(LOGISTIC, LOGIT, SOFTPROB, SOFTMAX).contains(objective)) {
      throw refused(
          source,
          "has the objective '%s'; a classifier has %s, %s, %s or %s"
              .formatted(objective, LOGISTIC, LOGIT, SOFTPROB, SOFTMAX));
    }
    Parsed sizes = learner.get("learner_model_param");
    int outputs = Math.max(1, sizes.get("num_class").integer());
    Parsed model = booster.get("model");
    int[] output = model.get("tree_info").integers();
    List<Parsed> parsed = model.get("trees").list();
    if (output.length != parsed.size()) {
      throw refused(
          source, "has %d trees and the classes of %d".formatted(parsed.size(), output.length));
    }
    List<Tree> trees = new ArrayList<>(base(sizes.get("base_score"), outputs, objective, source));
    int used = usedTrees(learner, model, outputs, parsed.size());
    try {
      for (int i = 0; i < used; i++) {
        trees.add(tree(parsed.get(i), output[i]));
      }
      return new TreesFile(
          new Forest(sizes.get("num_feature").integer(), outputs, trees), names(learner));
    } catch (IllegalArgumentException e) {
      throw refused(source, "has trees that cannot be used: one " + e.getMessage());
    }
  }

  private static Object parse(byte[] bytes, String source) {
    // UBJ has the type of the first name's length there, JSON never has a letter
    if (bytes.length > 1 && "iUIlL".indexOf(bytes[1]) >= 0) {
      return Ubjson.read(bytes, source);
    }
    try {
      return JSON.readValue(bytes, Map.class);
    } catch (JacksonException e) {
      throw refused(source, "is not JSON (" + e.getOriginalMessage() + ")");
    }
  }

  private static List<String> names(Parsed learner) {
    Parsed names = learner.get("feature_names");
    return names.isPresent() ? names.list().stream().map(Parsed::text).toList() : List.of();
  }

  /** Where training stopped early, the rounds after the best one are left out. */
  private static int usedTrees(Parsed learner, Parsed model, int outputs, int trees) {
    Parsed best = learner.get("attributes").get("best_iteration");
    if (!best.isPresent()) {
      return trees;
    }
    Parsed parallel = model.get("gbtree_model_param").get("num_parallel_tree");
    int perRound = outputs * (parallel.isPresent() ? Math.max(1, parallel.integer()) : 1);
    return (int) Math.min(trees, (best.integer() + 1L) * perRound);
  }

  /** The base score as trees of one leaf: a probability for two classes, otherwise logits. */
  private static List<Tree> base(Parsed score, int outputs, String objective, String source) {
    String[] texts = score.text().replaceAll("[\\[\\]]", "").split(",", -1);
    List<Tree> base = new ArrayList<>();
    for (int output = 0; output < outputs; output++) {
      float value;
      try {
        value = Float.parseFloat(texts[texts.length == 1 ? 0 : output]);
      } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
        throw refused(source, "has the base score '" + score.text() + "'");
      }
      double margin = objective.equals(LOGISTIC) ? Math.log(value / (1.0 - value)) : value;
      if (!Double.isFinite(margin)) {
        throw refused(source, "has the base score '" + score.text() + "'");
      }
      if (margin != 0) {
        base.add(Tree.constant(output, (float) margin));
      }
    }
    return base;
  }

  private static Tree tree(Parsed tree, int output) {
    Parsed width = tree.get("tree_param").get("size_leaf_vector");
    if (width.isPresent() && width.integer() > 1) {
      throw new IllegalArgumentException("has leaves of several numbers");
    }
    int[] left = tree.get("left_children").integers();
    double[] conditions = tree.get("split_conditions").numbers();
    float[] value = new float[conditions.length];
    for (int node = 0; node < value.length; node++) {
      value[node] = (float) conditions[node];
    }
    double[] defaults = tree.get("default_left").numbers();
    boolean[] missingLeft = new boolean[defaults.length];
    for (int node = 0; node < missingLeft.length; node++) {
      missingLeft[node] = defaults[node] != 0;
    }
    return new Tree(
        output,
        new Tree.Nodes(
            left,
            tree.get("right_children").integers(),
            tree.get("split_indices").integers(),
            value,
            missingLeft,
            categories(tree, left.length)));
  }

  private static @Nullable BitSet[] categories(Parsed tree, int nodes) {
    @Nullable BitSet[] sets = new BitSet[nodes];
    if (!tree.get("categories_nodes").isPresent()) {
      return sets;
    }
    int[] withSet = tree.get("categories_nodes").integers();
    int[] from = tree.get("categories_segments").integers();
    int[] sizes = tree.get("categories_sizes").integers();
    int[] categories = tree.get("categories").integers();
    for (int i = 0; i < withSet.length; i++) {
      if (i >= from.length
          || i >= sizes.length
          || withSet[i] < 0
          || withSet[i] >= nodes
          || from[i] < 0
          || sizes[i] < 0
          || (long) from[i] + sizes[i] > categories.length) {
        throw new IllegalArgumentException("has sets of categories outside its arrays");
      }
      BitSet set = new BitSet();
      for (int category : Arrays.copyOfRange(categories, from[i], from[i] + sizes[i])) {
        if (category < 0 || category > Tree.MAX_CATEGORY) {
          throw new IllegalArgumentException("has the category " + category);
        }
        set.set(category);
      }
      sets[withSet[i]] = set;
    }
    return sets;
  }

  /**
   * The trees as XGBoost's UBJ, which it can load and continue from. The same trees give the same
   * bytes.
   *
   * @param features the inputs' names, in order
   */
  public static byte[] ubj(Forest forest, List<String> features) {
    return Ubjson.write(content(forest, features, XgboostFile::bytes));
  }

  /** The same as JSON. */
  public static byte[] json(Forest forest, List<String> features) {
    return JSON.writeValueAsBytes(content(forest, features, flags -> flags));
  }

  /**
   * The file's content.
   *
   * @param flags turns numbers of one byte into what the format writes
   */
  private static Map<String, Object> content(
      Forest forest, List<String> features, Function<int[], Object> flags) {
    boolean binary = forest.outputs() == 1;
    List<Tree> trees = forest.trees();
    Map<String, Object> model = new TreeMap<>();
    model.put(
        "gbtree_model_param",
        new TreeMap<>(
            Map.of("num_trees", Integer.toString(trees.size()), "num_parallel_tree", "1")));
    model.put("tree_info", trees.stream().map(Tree::output).toList());
    model.put(
        "trees",
        IntStream.range(0, trees.size())
            .mapToObj(i -> content(trees.get(i), i, forest.inputs(), flags))
            .toList());
    Map<String, Object> sizes = new TreeMap<>();
    sizes.put("base_score", binary ? "5E-1" : "0E0");
    sizes.put("boost_from_average", "0");
    sizes.put("num_class", binary ? "0" : Integer.toString(forest.outputs()));
    sizes.put("num_feature", Integer.toString(forest.inputs()));
    sizes.put("num_target", "1");
    Map<String, Object> objective = new TreeMap<>();
    objective.put("name", binary ? LOGISTIC : SOFTPROB);
    objective.put(
        binary ? "reg_loss_param" : "softmax_multiclass_param",
        binary
            ? Map.of("scale_pos_weight", "1")
            : Map.of("num_class", Integer.toString(forest.outputs())));
    Map<String, Object> booster = new TreeMap<>();
    booster.put("model", model);
    booster.put("name", "gbtree");
    Map<String, Object> learner = new TreeMap<>();
    learner.put("attributes", Map.of());
    learner.put("feature_names", features);
    learner.put("feature_types", types(forest));
    learner.put("gradient_booster", booster);
    learner.put("learner_model_param", sizes);
    learner.put("objective", objective);
    Map<String, Object> file = new TreeMap<>();
    file.put("learner", learner);
    file.put("version", List.of(2, 1, 0));
    return file;
  }

  /** An input is of categories where a tree asks so. */
  private static List<String> types(Forest forest) {
    BitSet categorical = new BitSet();
    for (Tree tree : forest.trees()) {
      for (int node = 0; node < tree.size(); node++) {
        if (tree.categories(node) != null) {
          categorical.set(tree.input(node));
        }
      }
    }
    return IntStream.range(0, forest.inputs())
        .mapToObj(input -> categorical.get(input) ? "c" : "float")
        .toList();
  }

  private static Map<String, Object> content(
      Tree tree, int number, int inputs, Function<int[], Object> flags) {
    int nodes = tree.size();
    int[] parents = new int[nodes];
    int[] defaultLeft = new int[nodes];
    int[] types = new int[nodes];
    parents[0] = NO_PARENT;
    List<Integer> withSet = new ArrayList<>();
    List<Integer> from = new ArrayList<>();
    List<Integer> sizes = new ArrayList<>();
    List<Integer> categories = new ArrayList<>();
    for (int node = 0; node < nodes; node++) {
      if (!tree.isLeaf(node)) {
        parents[tree.left(node)] = node;
        parents[tree.left(node) + 1] = node;
      }
      defaultLeft[node] = tree.missingLeft(node) ? 1 : 0;
      BitSet set = tree.categories(node);
      if (set != null) {
        types[node] = CATEGORICAL;
        withSet.add(node);
        from.add(categories.size());
        sizes.add(set.cardinality());
        set.stream().forEach(categories::add);
      }
    }
    Map<String, Object> content = new TreeMap<>();
    content.put("base_weights", tree.nodes().value());
    content.put("categories", integers(categories));
    content.put("categories_nodes", integers(withSet));
    content.put("categories_segments", longs(from));
    content.put("categories_sizes", longs(sizes));
    content.put("default_left", flags.apply(defaultLeft));
    content.put("id", number);
    content.put("left_children", tree.nodes().left());
    content.put("loss_changes", new float[nodes]);
    content.put("parents", parents);
    content.put("right_children", tree.nodes().right());
    content.put("split_conditions", tree.nodes().value());
    content.put("split_indices", tree.nodes().input());
    content.put("split_type", flags.apply(types));
    content.put("sum_hessian", new float[nodes]);
    Map<String, Object> sizesOfTree = new TreeMap<>();
    sizesOfTree.put("num_deleted", "0");
    sizesOfTree.put("num_feature", Integer.toString(inputs));
    sizesOfTree.put("num_nodes", Integer.toString(nodes));
    sizesOfTree.put("size_leaf_vector", "1");
    content.put("tree_param", sizesOfTree);
    return content;
  }

  private static byte[] bytes(int[] numbers) {
    byte[] bytes = new byte[numbers.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) numbers[i];
    }
    return bytes;
  }

  private static long[] longs(List<Integer> numbers) {
    return numbers.stream().mapToLong(Integer::longValue).toArray();
  }

  private static int[] integers(List<Integer> numbers) {
    return numbers.stream().mapToInt(Integer::intValue).toArray();
  }

  private static InvalidInputException refused(String source, String what) {
    return new InvalidInputException(
        "%s %s. Save a classifier's model with XGBoost's save_model.".formatted(source, what));
  }
}
