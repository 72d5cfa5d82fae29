package retune.model.importing;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import retune.model.ModelJson;

/**
 * What tensors cannot say of a model: {@code model.json} reduced to its target, its columns and the
 * kind of its network. Sizes may be given and must then agree with the tensors.
 *
 * @param name the model's name; null where the caller gives one
 * @param columns in the order of the network's embeddings, categorical and numeric each among
 *     themselves
 * @param decisionThreshold see {@link retune.model.ModelVersion}; 0.5 where null
 */
public record ImportSpec(
    @Nullable String name,
    Network architecture,
    Target target,
    List<InputColumn> columns,
    @Nullable Double decisionThreshold) {
  /**
   * The kind of network; null is "as the tensors say".
   *
   * @param type {@code tab_transformer} or {@code mlp}
   * @param heads attention heads; required for a transformer, as no tensor's shape shows them
   * @param dropout in further training; the architecture's default where null
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
      @Nullable Double dropout) {}

  /**
   * A column that is given to the network as it is.
   *
   * @param kind {@code categorical}, with the encoding {@code codes}, or {@code numeric}, with the
   *     encoding {@code as_is}
   * @param unknown the code for every value that is none of the embedding's codes; null where such
   *     a value is an error
   */
  public record InputColumn(String name, String kind, String encoding, @Nullable Integer unknown) {
    boolean isCategorical() {
      return kind.equals("categorical");
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
      if (column.unknown != null && !column.isCategorical()) {
        throw new InvalidInputException(
            "The column '" + column.name + "' is numeric and has no code for the unknown.");
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
   * The spec in a JSON text; an {@link InvalidInputException} where it is none.
   *
   * @param source where the text comes from, for the message
   */
  public static ImportSpec read(String json, String source) {
    return ModelJson.read(json, ImportSpec.class, source);
  }

  List<InputColumn> categorical() {
    return columns.stream().filter(InputColumn::isCategorical).toList();
  }

  List<InputColumn> numeric() {
    return columns.stream().filter(column -> !column.isCategorical()).toList();
  }
}
