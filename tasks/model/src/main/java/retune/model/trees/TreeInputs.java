package retune.model.trees;

import java.util.ArrayList;
import java.util.List;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.model.Architecture;

/** Where the inputs of trees are among the features of a row. */
public final class TreeInputs {
  private static final int NONE = -1;

  /**
   * An input.
   *
   * @param column position among the categorical or among the numeric features
   * @param missing position of the categorical feature whose code 1 says that this one is missing;
   *     {@link #NONE} if there is none
   * @param missingCode the code that stands for a missing value; {@link #NONE} if there is none
   */
  private record Source(boolean isCode, int column, int missing, int missingCode) {
    float value(Features features, int row) {
      if (missing != NONE && features.codes()[missing][row] == 1) {
        return Float.NaN;
      }
      if (!isCode) {
        return features.numbers()[column][row];
      }
      int code = features.codes()[column][row];
      return code == missingCode ? Float.NaN : code;
    }
  }

  private final Source[] sources;

  private TreeInputs(Source[] sources) {
    this.sources = sources;
  }

  /**
   * Finds the inputs in a schema.
   *
   * @throws InvalidInputException naming the input that the schema lacks
   */
  public static TreeInputs of(Architecture.Trees architecture, FeatureSchema schema) {
    List<String> codes = schema.categorical().stream().map(Categorical::name).toList();
    List<Source> sources = new ArrayList<>();
    for (Architecture.Trees.Input input : architecture.inputs()) {
      boolean isCode = codes.contains(input.feature());
      sources.add(
          new Source(
              isCode,
              position(isCode ? codes : schema.numeric(), input.feature()),
              input.missing() == null ? NONE : position(codes, input.missing()),
              input.missingCode() == null ? NONE : input.missingCode()));
    }
    return new TreeInputs(sources.toArray(Source[]::new));
  }

  private static int position(List<String> names, String name) {
    int position = names.indexOf(name);
    if (position < 0) {
      throw new InvalidInputException(
          "The trees ask for '%s', which is not among the model's features %s; architecture and preprocessing must come from the same model."
              .formatted(name, names));
    }
    return position;
  }

  public int size() {
    return sources.length;
  }

  /** The inputs of a row, in order; NaN where one is missing. */
  public void fill(Features features, int row, float[] inputs) {
    for (int i = 0; i < sources.length; i++) {
      inputs[i] = sources[i].value(features, row);
    }
  }
}
