package retune.runtime;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.SerializationFeature;

/**
 * What all steps on the class path declare: as JSON for the step factory, which checks a DAG
 * against it, and as Markdown for the reference.
 */
public final class Catalogue {
  private Catalogue() {}

  /** {@code {"steps": {name: {pipeline, family, summary, example, inputs, outputs}}}}, indented. */
  public static String json() {
    Map<String, Object> steps = new TreeMap<>();
    for (StepDefinition step : StepDefinition.all()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("pipeline", step.about().pipeline());
      entry.put("family", step.family());
      entry.put("summary", step.about().value());
      entry.put("example", step.about().example());
      entry.put("inputs", fields(step.inputs(), true));
      entry.put("outputs", fields(step.outputs(), false));
      steps.put(step.name(), entry);
    }
    return Json.MAPPER
            .writer()
            .with(SerializationFeature.INDENT_OUTPUT)
            .writeValueAsString(Map.of("steps", steps))
        + "\n";
  }

  /** The reference page of all steps. */
  public static String markdown() {
    return ManualPage.markdown(StepDefinition.all());
  }

  private static Map<String, Object> fields(List<InputField> fields, boolean inputs) {
    Map<String, Object> described = new LinkedHashMap<>();
    for (InputField field : fields) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("type", field.kind() == InputField.Kind.DATE ? "string" : field.kind().id());
      if (inputs) {
        entry.put("required", field.required());
        field.defaultText().ifPresent(text -> entry.put("default", typed(field, text)));
      }
      bound(field.minimum()).ifPresent(value -> entry.put("minimum", value));
      bound(field.maximum()).ifPresent(value -> entry.put("maximum", value));
      if (!field.choices().isEmpty()) {
        entry.put("choices", field.choices());
      }
      if (field.kind() == InputField.Kind.DATE) {
        entry.put("format", "date");
      }
      entry.put("description", field.description());
      described.put(field.name(), entry);
    }
    return described;
  }

  private static Object typed(InputField field, String text) {
    return switch (field.kind()) {
      case INTEGER, LONG -> Long.valueOf(text);
      case NUMBER -> Double.valueOf(text);
      case BOOLEAN -> Boolean.valueOf(text);
      case ARRAY -> new ArrayList<>(List.of(text.split(",")));
      case STRING, DATE, OBJECT -> text;
    };
  }

  private static Optional<Double> bound(double value) {
    return Double.isFinite(value) ? Optional.of(value) : Optional.empty();
  }
}
