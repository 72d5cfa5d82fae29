package retune.runtime;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import retune.core.InvalidInputException;
import retune.runtime.About.Work;
import tools.jackson.databind.SerializationFeature;

/**
 * The declarations of all steps on the class path: as JSON for the step factory, which checks DAGs
 * against them, as facts for the launcher, and as Markdown for the reference.
 */
public final class Catalogue {
  private Catalogue() {}

  /**
   * {@code {"steps": {name: {pipeline, family, has_image, keeps_books, runs_model, summary,
   * example, inputs, outputs}}}}, indented.
   */
  public static String json() {
    return json(StepDefinition.all());
  }

  /**
   * The catalogue of custom steps that are not on the class path yet.
   *
   * @throws InvalidInputException if a class is not declared as a step, or if a step of its name
   *     exists
   */
  public static String ofOwn(List<Class<?>> types) {
    return json(types.stream().map(Catalogue::declared).toList());
  }

  private static StepDefinition declared(Class<?> type) {
    try {
      StepDefinition step = StepDefinition.of(type, () -> described(type));
      if (StepDefinition.names().contains(step.name())) {
        throw new InvalidInputException(
            "A step '%s' exists already; rename the class %s."
                .formatted(step.name(), type.getName()));
      }
      fields(step.inputs(), true);
      fields(step.outputs(), false);
      return step;
    } catch (IllegalStateException wrong) {
      throw new InvalidInputException(wrong.getMessage() + "; a step declares it.", wrong);
    }
  }

  /** A factory for steps that are described and not run. */
  private static Step<?, ?> described(Class<?> type) {
    throw new IllegalStateException(type.getName() + " is not on the class path");
  }

  private static String json(List<StepDefinition> definitions) {
    Map<String, Object> steps = new TreeMap<>();
    for (StepDefinition step : definitions) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("pipeline", step.about().pipeline());
      entry.put("family", step.family());
      entry.put("has_image", step.about().hasImage());
      entry.put("keeps_books", step.about().work() == Work.METADATA);
      entry.put("runs_model", step.about().work() == Work.MODEL);
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

  /**
   * The facts that {@code ./retune} needs before it starts Java: a line {@code name module work}
   * for each step.
   */
  public static String facts() {
    return StepDefinition.all().stream()
        .sorted(Comparator.comparing(StepDefinition::name))
        .map(
            step ->
                "%s %s %s%n"
                    .formatted(
                        step.name(),
                        step.module(),
                        step.about().work().name().toLowerCase(Locale.ROOT)))
        .collect(Collectors.joining());
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
      if (field.format() == Field.Format.POLICY) {
        entry.put("format", "policy");
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
