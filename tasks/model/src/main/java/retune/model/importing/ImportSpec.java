package retune.model.importing;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture.TorchScript.Argument;
import retune.model.ModelJson;

/**
 * What the tensors of a model do not show: {@code model.json} reduced to the target, the columns
 * and the kind of network. Sizes are optional and must agree with the tensors.
 *
 * @param name the model's name; null if the caller gives one
 * @param columns the columns that the model reads: for trees in the order of their inputs; for a
 *     network the categorical ones in the order of its embeddings, the numeric ones in the order of
 *     its numeric inputs
 * @param decisionThreshold see {@link retune.model.ModelVersion}; null means 0.5
 */
public record ImportSpec(
    @Nullable String name,
    Network architecture,
    Target target,
    List<InputColumn> columns,
    @Nullable Double decisionThreshold) {
  /**
   * The kind of network. A size that is null is taken from the tensors.
   *
   * @param type {@code tab_transformer}, {@code mlp}, {@code torch_script} or {@code trees}
   * @param heads number of attention heads; required for a transformer, because no tensor's shape
   *     shows it
   * @param dropout dropout in further training, from 0 to below 1; null means the default
   * @param inputs arguments of a TorchScript archive's method, in order; null means the codes, then
   *     the numbers, each if there are such columns. Only a TorchScript archive may have them
   */
  public record Network(
      String type,
      @Nullable Integer dimension,
      @Nullable Integer heads,
      @Nullable Integer layers,
      @Nullable Integer feedForward,
      @Nullable Integer embedding,
      @Nullable List<Integer> hidden,
      @Nullable Integer headHidden,
      @Nullable Double dropout,
      @Nullable List<Argument> inputs) {
    private static final String TORCH_SCRIPT = "torch_script";
    private static final String TREES = "trees";

    public Network {
      boolean hasSizes =
          Stream.of(dimension, heads, layers, feedForward, embedding, hidden, headHidden)
              .anyMatch(Objects::nonNull);
      if (type.equals(TORCH_SCRIPT) && hasSizes) {
        throw new InvalidInputException(
            "The spec's architecture is a torch_script, whose sizes are found by running it; leave"
                + " out all but 'inputs' and 'dropout'.");
      }
      if (type.equals(TREES) && (hasSizes || dropout != null)) {
        throw new InvalidInputException(
            "The spec's architecture is trees, whose sizes the file shows; leave out all but"
                + " 'type'.");
      }
      if (!type.equals(TORCH_SCRIPT) && inputs != null) {
        throw new InvalidInputException(
            "The spec's architecture has 'inputs', which only a torch_script has; leave them out.");
      }
    }

    /** Whether the file holds boosted trees. */
    public boolean isTrees() {
      return type.equals(TREES);
    }

    /** Whether the file is kept as it is, for PyTorch to run. */
    public boolean isTorchScript() {
      return type.equals(TORCH_SCRIPT);
    }
  }

  /**
   * A column that is passed to the network as it is.
   *
   * @param kind {@code categorical}, with the encoding {@code codes}, or {@code numeric}, with the
   *     encoding {@code as_is}
   * @param cardinality number of codes; required if no embedding's shape shows it
   * @param unknown the code for missing values and for whole numbers that are not among the
   *     embedding's codes; if null, a missing value rejects its row and any other number is an
   *     error
   */
  public record InputColumn(
      String name,
      String kind,
      String encoding,
      @Nullable Integer cardinality,
      @Nullable Integer unknown) {
    boolean isCategorical() {
      return kind.equals("categorical");
    }

    private CodeColumn codes(int actual) {
      if (cardinality != null && cardinality != actual) {
        throw new InvalidInputException(
            "The spec says that the column '"
                + name
                + "' has the cardinality "
                + cardinality
                + ", but its embedding has "
                + actual
                + " codes; correct the spec, or leave it out.");
      }
      if (unknown != null && (unknown < 0 || unknown >= actual)) {
        throw new InvalidInputException(
            "The column '"
                + name
                + "' has the code "
                + unknown
                + " for the unknown, but its embedding has the codes 0 to "
                + (actual - 1)
                + "; choose one of those.");
      }
      return new CodeColumn(name, actual, unknown == null ? CodeColumn.NONE : unknown);
    }
  }

  public ImportSpec {
    columns = List.copyOf(columns);
    Set<String> names = new HashSet<>();
    for (InputColumn column : columns) {
      String form = column.kind + ", " + column.encoding;
      if (!form.equals("categorical, codes") && !form.equals("numeric, as_is")) {
        throw new InvalidInputException(
            "The column '"
                + column.name
                + "' is "
                + form
                + "; an imported model reads 'categorical' with the encoding 'codes' and 'numeric'"
                + " with 'as_is'.");
      }
      if ((column.unknown != null || column.cardinality != null) && !column.isCategorical()) {
        throw new InvalidInputException(
            "The column '"
                + column.name
                + "' is numeric and has no codes; leave out 'unknown' and 'cardinality'.");
      }
      if (!names.add(column.name) || column.name.equals(target.column())) {
        throw new InvalidInputException(
            "The column '" + column.name + "' appears twice; a column has one role.");
      }
    }
    if (columns.isEmpty()) {
      throw new InvalidInputException("The spec has no columns; list what the network reads.");
    }
  }

  /**
   * Reads a spec from JSON.
   *
   * @param source where the text comes from, for messages
   * @throws InvalidInputException if the text is not a spec
   */
  public static ImportSpec read(String json, String source) {
    return ModelJson.read(json, ImportSpec.class, source);
  }

  /**
   * The preprocessing that passes the columns to the network as they are.
   *
   * @param cardinalities number of codes of each categorical column, in order
   * @throws InvalidInputException if a column states another number of codes, or if its code for
   *     the unknown is not one of them
   */
  public Preprocessing preprocessing(List<Integer> cardinalities) {
    List<CodeColumn> codes = new ArrayList<>();
    for (InputColumn column : categorical()) {
      codes.add(column.codes(cardinalities.get(codes.size())));
    }
    return Preprocessing.given(
        codes, numeric().stream().map(column -> NumericColumn.asIs(column.name)).toList());
  }

  public List<InputColumn> categorical() {
    return columns.stream().filter(InputColumn::isCategorical).toList();
  }

  public List<InputColumn> numeric() {
    return columns.stream().filter(column -> !column.isCategorical()).toList();
  }
}
