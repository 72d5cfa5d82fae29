package retune.model;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.Nulls;
import java.lang.reflect.Executable;
import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.calibration.Calibrator;
import retune.core.data.Hashing;
import retune.core.preprocessing.Preprocessing;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.MapperConfig;
import tools.jackson.databind.introspect.Annotated;
import tools.jackson.databind.introspect.AnnotatedMember;
import tools.jackson.databind.introspect.AnnotatedParameter;
import tools.jackson.databind.introspect.JacksonAnnotationIntrospector;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code model.json}: a {@link ModelVersion} with snake_case keys and {@code "format":
 * "retune.model/1"}. Reading is strict: it refuses unknown keys, and missing or null values of
 * components that are not {@code @Nullable}.
 */
public final class ModelJson {
  public static final String FORMAT = "retune.model/1";

  /** Keys that the id does not depend on. */
  private static final List<String> NOT_CONTENT = List.of("model_id", "model_version", "metrics");

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .annotationIntrospector(new NullMarkedIntrospector())
          .addMixIn(Preprocessing.class, OmitsNull.class)
          .addMixIn(Calibrator.class, NamesMethod.class)
          .changeDefaultVisibility(
              visibility ->
                  visibility
                      .withFieldVisibility(Visibility.ANY)
                      .withGetterVisibility(Visibility.NONE)
                      .withIsGetterVisibility(Visibility.NONE))
          .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /** What preprocessing does not have is not written: so versions made before keep their ids. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private interface OmitsNull {}

  /** {@code "method"} names the calibrator. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "method")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = Calibrator.Temperature.class, name = "temperature"),
    @JsonSubTypes.Type(value = Calibrator.Platt.class, name = "platt"),
    @JsonSubTypes.Type(value = Calibrator.Isotonic.class, name = "isotonic"),
    @JsonSubTypes.Type(value = Calibrator.Prior.class, name = "prior")
  })
  private interface NamesMethod {}

  private ModelJson() {}

  public static String write(ModelVersion version) {
    ObjectNode json = JSON.createObjectNode().put("format", FORMAT);
    json.setAll((ObjectNode) JSON.valueToTree(version));
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
  }

  /**
   * Reads a version.
   *
   * @param source where the text comes from, for the message
   * @throws InvalidInputException if the text is not a version
   */
  public static ModelVersion read(String text, String source) {
    return read(text, ModelVersion.class, source);
  }

  /**
   * Reads a record.
   *
   * @param source where the text comes from, for the message
   * @throws InvalidInputException if the text is not such a record
   */
  public static <T extends Record> T read(String text, Class<T> type, String source) {
    try {
      JsonNode json = JSON.readTree(text);
      String format = json.path("format").asString("missing");
      if (!json.isObject() || !format.equals(FORMAT)) {
        throw new InvalidInputException(
            source
                + " has the format '"
                + format
                + "', but this program reads '"
                + FORMAT
                + "'. Export the model again.");
      }
      return JSON.treeToValue(((ObjectNode) json).without("format"), type);
    } catch (JacksonException e) {
      if (e.getCause() instanceof InvalidInputException cause) {
        throw new InvalidInputException(source + ": " + cause.getMessage(), cause);
      }
      throw new InvalidInputException(
          source + " is not a model description (" + e.getOriginalMessage() + ").", e);
    }
  }

  /** SHA-256 of everything that makes the version what it is. */
  static String contentHash(ModelVersion version) {
    ObjectNode json = JSON.valueToTree(version);
    return Hashing.sha256(JSON.writeValueAsString(json.remove(NOT_CONTENT)));
  }

  /** Lets JSpecify's {@code @Nullable} decide which values may be null. */
  private static final class NullMarkedIntrospector extends JacksonAnnotationIntrospector {
    private static final long serialVersionUID = 1L;

    @Override
    public @Nullable Boolean hasRequiredMarker(MapperConfig<?> config, AnnotatedMember member) {
      return member instanceof AnnotatedParameter parameter
          ? Boolean.valueOf(!isNullable(parameter))
          : super.hasRequiredMarker(config, member);
    }

    @Override
    public JsonSetter.Value findSetterInfo(MapperConfig<?> config, Annotated annotated) {
      return annotated instanceof AnnotatedParameter parameter && !isNullable(parameter)
          ? JsonSetter.Value.forValueNulls(Nulls.FAIL)
          : super.findSetterInfo(config, annotated);
    }

    private static boolean isNullable(AnnotatedParameter parameter) {
      Executable constructor = (Executable) parameter.getOwner().getAnnotated();
      return constructor.getAnnotatedParameterTypes()[parameter.getIndex()].isAnnotationPresent(
          Nullable.class);
    }
  }
}
