package retune.runtime;

import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import retune.core.InvalidInputException;
import retune.core.judgement.PromotionPolicy;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Builds a step's input record. Flags and JSON are merged into one JSON object, and every field is
 * checked before the step runs.
 */
final class InputReader {
  private static final Pattern FOUR_DIGIT_YEAR = Pattern.compile("[0-9]{4}-");

  /** Earlier dates are slips of the keyboard: no table of days is older. */
  private static final int FIRST_YEAR = 1900;

  private final String step;
  private final Class<? extends Record> type;
  private final Map<String, InputField> fields;

  InputReader(String step, Class<? extends Record> type) {
    this.step = step;
    this.type = type;
    this.fields =
        InputField.of(type).stream()
            .collect(Collectors.toMap(InputField::name, Function.identity()));
  }

  /**
   * Checks and builds the input.
   *
   * @param json an object as text
   * @param flags values as typed, by field name; they override the JSON
   */
  Record read(String json, Map<String, String> flags) {
    ObjectNode input = parse(json);
    flags.forEach((name, text) -> input.set(name, fromText(field(name), text)));
    for (String name : input.propertyNames()) {
      check(field(name), input.get(name));
    }
    for (InputField field : fields.values()) {
      if (input.path(field.name()).isMissingNode() || input.get(field.name()).isNull()) {
        fill(field, input);
      }
    }
    return Json.MAPPER.treeToValue(input, type);
  }

  /** Checks a value; returns the default for a missing node. */
  JsonNode value(String name, JsonNode given) {
    InputField field = field(name);
    if (given.isMissingNode()) {
      return field.defaultText().map(text -> fromText(field, text)).orElse(given);
    }
    check(field, given);
    return given;
  }

  /** The field whose flag may be omitted. */
  Optional<InputField> positional() {
    return fields.values().stream().filter(InputField::positional).findFirst();
  }

  /** Returns the field of that name, or suggests the closest one. */
  InputField field(String name) {
    InputField field = fields.get(name);
    if (field == null) {
      throw new InvalidInputException(
          "%s has no input '%s'.%s See ./retune %s --help."
              .formatted(step, name, Names.didYouMean(name, fields.keySet()), step));
    }
    return field;
  }

  private ObjectNode parse(String json) {
    try {
      if (Json.MAPPER.readTree(json) instanceof ObjectNode object) {
        return object;
      }
    } catch (JacksonException malformed) {
      throw new InvalidInputException(
          "The value of --input is not valid JSON (%s); give one object."
              .formatted(malformed.getOriginalMessage()),
          malformed);
    }
    throw new InvalidInputException(
        "The value of --input is not a JSON object; give {\"name\": value, …}.");
  }

  private void fill(InputField field, ObjectNode input) {
    if (field.defaultText().isPresent()) {
      input.set(field.name(), fromText(field, field.defaultText().get()));
    } else if (field.required()) {
      throw new InvalidInputException(
          "%s needs '%s' (%s); give %s."
              .formatted(step, field.name(), field.description(), field.flag()));
    } else if (field.kind() == InputField.Kind.ARRAY) {
      input.set(field.name(), Json.MAPPER.createArrayNode());
    } else if (field.kind() == InputField.Kind.OBJECT) {
      input.set(field.name(), Json.MAPPER.createObjectNode());
    }
  }

  /** Parses a value as typed on the command line; commas separate the elements of a list. */
  private JsonNode fromText(InputField field, String text) {
    try {
      return switch (field.kind()) {
        case STRING, DATE -> Json.MAPPER.getNodeFactory().stringNode(text);
        case INTEGER, LONG -> Json.MAPPER.getNodeFactory().numberNode(Long.parseLong(text));
        case NUMBER -> Json.MAPPER.getNodeFactory().numberNode(Double.parseDouble(text));
        case BOOLEAN ->
            switch (text) {
              case "true" -> Json.MAPPER.getNodeFactory().booleanNode(true);
              case "false" -> Json.MAPPER.getNodeFactory().booleanNode(false);
              default -> throw mistyped(field, text);
            };
        case ARRAY -> {
          ArrayNode array = Json.MAPPER.createArrayNode();
          Arrays.stream(text.split(",", -1))
              .map(String::strip)
              .filter(s -> !s.isEmpty())
              .forEach(array::add);
          yield array;
        }
        case OBJECT -> Json.MAPPER.readTree(text);
      };
    } catch (NumberFormatException | JacksonException malformed) {
      throw mistyped(field, text);
    }
  }

  private void check(InputField field, JsonNode value) {
    if (value.isNull()) {
      return; // counts as absent
    }
    boolean fits =
        switch (field.kind()) {
          case STRING -> value.isString();
          case DATE -> value.isString() && isDate(value.stringValue());
          case INTEGER -> value.isIntegralNumber() && value.canConvertToInt();
          case LONG -> value.isIntegralNumber() && value.canConvertToLong();
          case NUMBER -> value.isNumber() && Double.isFinite(value.doubleValue());
          case BOOLEAN -> value.isBoolean();
          case ARRAY -> value.isArray();
          case OBJECT -> value.isObject();
        };
    if (!fits) {
      throw mistyped(field, value.isString() ? value.stringValue() : value.toString());
    }
    if (!field.choices().isEmpty()) {
      (field.kind() == InputField.Kind.ARRAY ? value.valueStream() : Stream.of(value))
          .forEach(one -> requireChoice(field, one));
    }
    if (field.format() == Field.Format.MODEL_NAME && !ModelName.isValid(value.stringValue())) {
      throw new InvalidInputException(
          "%s: '%s' is '%s'; give up to 100 letters, digits, '.', '_' and '-', a letter or digit first."
              .formatted(step, field.name(), value.stringValue()));
    }
    if (field.format() == Field.Format.POLICY) {
      PromotionPolicy.parse(value.stringValue());
    }
    if (value.isNumber()
        && (value.doubleValue() < field.minimum() || value.doubleValue() > field.maximum())) {
      throw new InvalidInputException(
          "%s: '%s' is %s; give %s.".formatted(step, field.name(), value, ManualPage.range(field)));
    }
  }

  private void requireChoice(InputField field, JsonNode value) {
    String given = value.isString() ? value.stringValue() : value.toString();
    if (!field.choices().contains(given)) {
      throw new InvalidInputException(
          "%s: '%s' is not a value of '%s'; choose one of %s.%s"
              .formatted(
                  step,
                  given,
                  field.name(),
                  String.join(", ", field.choices()),
                  Names.didYouMean(given, field.choices())));
    }
  }

  private InvalidInputException mistyped(InputField field, String given) {
    String wanted =
        switch (field.kind()) {
          case STRING -> "text";
          case DATE -> "a date from 1900 to 9999, like 2026-11-05";
          case INTEGER, LONG -> "a whole number";
          case NUMBER -> "a number";
          case BOOLEAN -> "true or false";
          case ARRAY -> "a list";
          case OBJECT -> "a JSON object";
        };
    return new InvalidInputException(
        "%s: '%s' must be %s, not '%s'.".formatted(step, field.name(), wanted, given));
  }

  private static boolean isDate(String text) {
    try {
      return FOUR_DIGIT_YEAR.matcher(text).lookingAt()
          && LocalDate.parse(text).getYear() >= FIRST_YEAR;
    } catch (DateTimeParseException notADate) {
      return false;
    }
  }
}
