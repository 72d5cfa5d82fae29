package retune.serving;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.preprocessing.Preprocessing;

/** A row that the model can answer, made of what its preprocessing was fitted to. */
final class ExampleRow {
  private ExampleRow() {}

  /** The usual value of each raw column, by name. */
  static Map<String, Object> of(Preprocessing preprocessing) {
    Map<String, Object> row = new LinkedHashMap<>();
    preprocessing.categorical().forEach(column -> row.put(column.name(), column.fill()));
    preprocessing.codes().forEach(column -> row.put(column.name(), 0));
    preprocessing.numeric().forEach(column -> row.put(column.name(), column.fill()));
    preprocessing.dates().forEach(column -> row.put(column.name(), column.fill().toString()));
    return row;
  }

  /** What each raw column takes, as JSON Schema. */
  static Map<String, Object> schema(Preprocessing preprocessing) {
    Map<String, Object> properties = new LinkedHashMap<>();
    preprocessing
        .categorical()
        .forEach(
            column ->
                properties.put(
                    column.name(),
                    property(
                        "One of %d categories; an unseen one counts as other."
                            .formatted(column.categories().known().size()),
                        "string",
                        "number",
                        "boolean",
                        "null")));
    preprocessing
        .codes()
        .forEach(
            column ->
                properties.put(
                    column.name(),
                    property(
                        "A code from 0 to %d.".formatted(column.cardinality() - 1),
                        "integer",
                        "null")));
    preprocessing
        .numeric()
        .forEach(
            column ->
                properties.put(
                    column.name(),
                    property("A number, or one as text.", "number", "string", "null")));
    preprocessing
        .dates()
        .forEach(
            column ->
                properties.put(
                    column.name(), property("A date or time, ISO 8601.", "string", "null")));
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

  private static Map<String, Object> property(String description, String... types) {
    return Map.of("type", List.of(types), "description", description);
  }
}
