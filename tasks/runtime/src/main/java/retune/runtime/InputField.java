package retune.runtime;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A declared component of a step's input or output record.
 *
 * @param name in snake_case; what {@link JsonProperty} says, for a name that Java reserves
 * @param choices the values of an enum, or of the elements of a list of enums; otherwise empty
 * @param defaultText as typed on the command line
 * @param positional whether its flag may be omitted
 * @param format the form that a text must have
 */
record InputField(
    String name,
    Kind kind,
    String description,
    List<String> choices,
    Optional<String> defaultText,
    boolean required,
    double minimum,
    double maximum,
    boolean positional,
    Field.Format format) {

  /** The JSON type of a value. */
  enum Kind {
    STRING,
    INTEGER,
    LONG,
    NUMBER,
    BOOLEAN,
    DATE,
    ARRAY,
    OBJECT;

    /** The type's name in manual pages and the catalogue. */
    String id() {
      return this == LONG ? INTEGER.id() : name().toLowerCase(Locale.ROOT);
    }
  }

  /** The components of a record, or of each record of a sealed interface, by name. */
  static List<InputField> of(Class<?> type) {
    Class<?>[] records = type.isSealed() ? type.getPermittedSubclasses() : new Class<?>[] {type};
    Map<String, InputField> fields = new LinkedHashMap<>();
    for (Class<?> record : records) {
      for (RecordComponent component : record.getRecordComponents()) {
        InputField field = of(component);
        fields.putIfAbsent(field.name(), field);
      }
    }
    return List.copyOf(fields.values());
  }

  /** The flag that sets it: {@code --drill-strength}. */
  String flag() {
    return "--" + name.replace('_', '-');
  }

  boolean hasRange() {
    return Double.isFinite(minimum) || Double.isFinite(maximum);
  }

  private static InputField of(RecordComponent component) {
    Field field = component.getAnnotation(Field.class);
    if (field == null) {
      throw new IllegalStateException(
          component.getDeclaringRecord().getName() + "." + component.getName() + " has no @Field");
    }
    Kind kind = kindOf(component.getType());
    Optional<String> byDefault = Optional.of(field.byDefault()).filter(text -> !text.isEmpty());
    boolean optional =
        byDefault.isPresent()
            || kind == Kind.ARRAY
            || kind == Kind.OBJECT
            || component.getAnnotatedType().isAnnotationPresent(Nullable.class);
    return new InputField(
        name(component),
        kind,
        field.value(),
        choices(component),
        byDefault,
        !optional,
        field.min(),
        field.max(),
        field.positional(),
        field.format());
  }

  private static String name(RecordComponent component) {
    JsonProperty stated = component.getAccessor().getAnnotation(JsonProperty.class);
    return stated == null ? Names.snakeCase(component.getName()) : stated.value();
  }

  private static Kind kindOf(Class<?> type) {
    if (type == String.class || type.isEnum()) {
      return Kind.STRING;
    }
    if (type == int.class || type == Integer.class) {
      return Kind.INTEGER;
    }
    if (type == long.class || type == Long.class) {
      return Kind.LONG;
    }
    if (type == double.class || type == Double.class) {
      return Kind.NUMBER;
    }
    if (type == boolean.class || type == Boolean.class) {
      return Kind.BOOLEAN;
    }
    if (type == LocalDate.class) {
      return Kind.DATE;
    }
    if (List.class.isAssignableFrom(type)) {
      return Kind.ARRAY;
    }
    if (Map.class.isAssignableFrom(type) || type.isRecord()) {
      return Kind.OBJECT;
    }
    throw new IllegalStateException("a step's input cannot have a component of " + type);
  }

  private static List<String> choices(RecordComponent component) {
    Type type =
        component.getGenericType() instanceof ParameterizedType list
                && list.getRawType() == List.class
            ? list.getActualTypeArguments()[0]
            : component.getType();
    return type instanceof Class<?> values && values.isEnum()
        ? Arrays.stream(values.getEnumConstants())
            .map(value -> ((Enum<?>) value).name().toLowerCase(Locale.ROOT))
            .toList()
        : List.of();
  }

  /** The class at a position of {@code implements Step<Input, Output>}. */
  static Class<?> typeOf(Class<?> step, int position) {
    for (Type type : step.getGenericInterfaces()) {
      if (type instanceof ParameterizedType parameterized
          && parameterized.getRawType() == Step.class) {
        return (Class<?>) parameterized.getActualTypeArguments()[position];
      }
    }
    throw new IllegalStateException(step.getName() + " does not implement Step<Input, Output>");
  }
}
