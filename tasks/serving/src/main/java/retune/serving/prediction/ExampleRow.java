package retune.serving.prediction;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.preprocessing.CategoricalColumn;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.DateColumn;
import retune.core.preprocessing.MissingValues;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.TextColumn;

/** An example row of a model, made from what its preprocessing was fitted to. */
public final class ExampleRow {
  private static final Map<String, Object> NULL = Map.of("type", "null");
  private static final Map<String, Object> NUMBER = Map.of("type", "number");
  private static final Map<String, Object> NUMBER_AS_TEXT =
      Map.of("type", "string", "pattern", "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,2})?$");

  /** Words of an example text. */
  private static final int WORDS = 8;

  private ExampleRow() {}

  /** The most frequent value of each raw column, by name. */
  public static Map<String, Object> of(Preprocessing preprocessing) {
    Map<String, Object> row = new LinkedHashMap<>();
    preprocessing.categorical().forEach(column -> row.put(column.name(), column.fill()));
    preprocessing.codes().forEach(column -> row.put(column.name(), 0));
    preprocessing.numeric().forEach(column -> row.put(column.name(), column.fill()));
    preprocessing.dates().forEach(column -> row.put(column.name(), column.fill().toString()));
    TextColumn text = preprocessing.text();
    if (text != null) {
      row.put(text.name(), String.join(" ", text.terms().stream().limit(WORDS).toList()));
    }
    return row;
  }

  /** The JSON Schema of a row. */
  public static Map<String, Object> schema(Preprocessing preprocessing) {
    Map<String, Object> properties = new LinkedHashMap<>();
    for (CategoricalColumn column : preprocessing.categorical()) {
      String description =
          "One of %d categories; an unseen one is treated as 'other'."
              .formatted(column.categories().known().size());
      properties.put(
          column.name(),
          Map.of(
              "type", List.of("string", "number", "boolean", "null"), "description", description));
    }
    for (CodeColumn column : preprocessing.codes()) {
      Map<String, Object> code =
          Map.of("type", "integer", "minimum", 0, "maximum", column.cardinality() - 1);
      properties.put(column.name(), column.unknown() == CodeColumn.NONE ? code : orNull(code));
    }
    for (NumericColumn column : preprocessing.numeric()) {
      properties.put(
          column.name(),
          column.missing() == MissingValues.REJECT
              ? anyOf(NUMBER, NUMBER_AS_TEXT)
              : anyOf(NUMBER, NUMBER_AS_TEXT, NULL));
    }
    for (DateColumn column : preprocessing.dates()) {
      properties.put(column.name(), orNull(Map.of("type", "string", "format", "date")));
    }
    TextColumn text = preprocessing.text();
    if (text != null) {
      String description =
          "Text in any language, read word by word; at most %d known words and pairs of words."
              .formatted(text.length());
      properties.put(
          text.name(), Map.of("type", "string", "minLength", 1, "description", description));
    }
    return Map.of(
        "type",
        "object",
        "required",
        preprocessing.rawColumns(),
        "properties",
        properties,
        "example",
        of(preprocessing));
  }

  private static Map<String, Object> orNull(Map<String, Object> schema) {
    return anyOf(schema, NULL);
  }

  private static Map<String, Object> anyOf(Object... schemas) {
    return Map.of("anyOf", List.of(schemas));
  }
}
