package retune.model.trees;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;

/**
 * LightGBM's text files, version v3 and v4 (its {@code src/io/gbdt_model_text.cpp} and {@code
 * src/io/tree.cpp}). A row goes left where its number is at most the threshold, or its category is
 * in the node's set: the reader turns both into XGBoost's rules.
 */
final class LightgbmFile {
  private static final int CATEGORICAL = 1;
  private static final int DEFAULT_LEFT = 2;
  private static final int MISSING_SHIFT = 2;
  private static final int MISSING_NONE = 0;
  private static final int MISSING_ZERO = 1;

  private final String source;

  private LightgbmFile(String source) {
    this.source = source;
  }

  static TreesFile read(String text, String source) {
    return new LightgbmFile(source).read(text);
  }

  private TreesFile read(String text) {
    String[] parts = text.split("\nTree=\\d+\r?\n", -1);
    Map<String, String> header = fields(parts[0]);
    if (!text.contains("\nend of trees")) {
      throw refused("ends too early: the line 'end of trees' is absent");
    }
    String[] objective = field(header, "objective").split(" ", -1);
    if (!objective[0].equals("binary") && !objective[0].equals("multiclass")) {
      throw refused(
          "has the objective '%s'; a classifier has binary or multiclass".formatted(objective[0]));
    }
    if (parts[0].contains("\naverage_output")) {
      throw refused("is a random forest, whose trees are averaged; only boosted trees are read");
    }
    int outputs = number(field(header, "num_tree_per_iteration"));
    double scale = objective[0].equals("binary") ? sigmoid(objective) : 1;
    try {
      List<Tree> trees = new ArrayList<>();
      for (int i = 1; i < parts.length; i++) {
        trees.add(tree(fields(parts[i].split("\nend of trees", -1)[0]), (i - 1) % outputs, scale));
      }
      return new TreesFile(
          new Forest(number(field(header, "max_feature_idx")) + 1, outputs, trees),
          names(field(header, "feature_names")));
    } catch (ArrayIndexOutOfBoundsException | NumberFormatException e) {
      throw refused("has a tree whose lists do not fit together");
    } catch (IllegalArgumentException e) {
      throw refused("has a tree that cannot be used: it " + e.getMessage());
    }
  }

  /** LightGBM numbers the columns of a table without names. */
  private static List<String> names(String names) {
    List<String> given = List.of(names.split(" ", -1));
    return given.stream().allMatch(name -> name.matches("Column_\\d+")) ? List.of() : given;
  }

  /** The factor of a sum before the logistic function. */
  private double sigmoid(String[] objective) {
    return Arrays.stream(objective)
        .filter(word -> word.startsWith("sigmoid:"))
        .map(word -> decimal(word.substring("sigmoid:".length())))
        .findFirst()
        .orElse(1.0);
  }

  /** Splits come first, then the leaves, which LightGBM numbers −1, −2 … */
  private Tree tree(Map<String, String> fields, int output, double scale) {
    if (field(fields, "is_linear").equals("1")) {
      throw refused("has linear models in its leaves; only constants are read");
    }
    double[] leaves = decimals(fields, "leaf_value");
    int splits = leaves.length - 1;
    if (splits == 0) {
      return Tree.constant(output, (float) (scale * leaves[0]));
    }
    int[] feature = numbers(fields, "split_feature");
    int[] decision = numbers(fields, "decision_type");
    int[] leftChild = numbers(fields, "left_child");
    int[] rightChild = numbers(fields, "right_child");
    double[] threshold = decimals(fields, "threshold");
    Tree.Nodes nodes = new Tree.Nodes(splits + leaves.length);
    for (int node = 0; node < splits; node++) {
      int low = child(leftChild[node], splits);
      int high = child(rightChild[node], splits);
      boolean ofCategories = (decision[node] & CATEGORICAL) != 0;
      nodes.input()[node] = feature[node];
      if (ofCategories) {
        nodes.categories()[node] = categories(fields, (int) threshold[node]);
        nodes.left()[node] = high;
        nodes.right()[node] = low;
        nodes.missingLeft()[node] = true;
      } else {
        nodes.left()[node] = low;
        nodes.right()[node] = high;
        nodes.value()[node] = firstAbove(threshold[node]);
        nodes.missingLeft()[node] = missingLeft(decision[node], threshold[node]);
      }
    }
    for (int leaf = 0; leaf < leaves.length; leaf++) {
      nodes.left()[splits + leaf] = Tree.LEAF;
      nodes.value()[splits + leaf] = (float) (scale * leaves[leaf]);
    }
    return new Tree(output, nodes);
  }

  private static int child(int child, int splits) {
    return child < 0 ? splits + ~child : child;
  }

  /** The least float32 that is above the threshold: x ≤ t and x &lt; this are the same. */
  private static float firstAbove(double threshold) {
    float nearest = (float) threshold;
    float last = nearest > threshold ? Math.nextDown(nearest) : nearest;
    return Math.min(Math.nextUp(last), Float.MAX_VALUE);
  }

  private boolean missingLeft(int decision, double threshold) {
    return switch (decision >> MISSING_SHIFT & 3) {
      case MISSING_NONE -> 0 <= threshold; // a missing value counts as 0
      case MISSING_ZERO ->
          throw refused(
              "takes 0 for a missing value (zero_as_missing); train it without that option");
      default -> (decision & DEFAULT_LEFT) != 0;
    };
  }

  private BitSet categories(Map<String, String> fields, int set) {
    int[] boundaries = numbers(fields, "cat_boundaries");
    String[] words = field(fields, "cat_threshold").split(" ", -1);
    BitSet categories = new BitSet();
    for (int word = boundaries[set]; word < boundaries[set + 1]; word++) {
      int bits = Integer.parseUnsignedInt(words[word]);
      int first = (word - boundaries[set]) * Integer.SIZE;
      for (int bit = 0; bit < Integer.SIZE; bit++) {
        categories.set(first + bit, (bits >>> bit & 1) != 0);
      }
    }
    return categories;
  }

  private static Map<String, String> fields(String text) {
    Map<String, String> fields = new HashMap<>();
    for (String line : text.split("\r?\n", -1)) {
      int equals = line.indexOf('=');
      if (equals > 0) {
        fields.put(line.substring(0, equals), line.substring(equals + 1).strip());
      }
    }
    return fields;
  }

  private String field(Map<String, String> fields, String name) {
    String field = fields.get(name);
    if (field == null) {
      throw refused("lacks '" + name + "'");
    }
    return field;
  }

  private int[] numbers(Map<String, String> fields, String name) {
    return Arrays.stream(field(fields, name).split(" ", -1)).mapToInt(this::number).toArray();
  }

  private double[] decimals(Map<String, String> fields, String name) {
    return Arrays.stream(field(fields, name).split(" ", -1)).mapToDouble(this::decimal).toArray();
  }

  private int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw refused("has '" + text + "' in place of a whole number");
    }
  }

  private double decimal(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw refused("has '" + text + "' in place of a number");
    }
  }

  private InvalidInputException refused(String what) {
    return new InvalidInputException(
        "%s %s. Save a classifier's model with LightGBM's save_model.".formatted(source, what));
  }
}
