package retune.serving.prediction;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.runtime.Json;
import retune.runtime.http.Refusal;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.DatabindException;

/** Parses {@code {"features": {…}}} and {@code {"instances": [{…}, …]}} as a stream. */
public final class RowsOfJson {
  /** Maximum number of rows in a request. */
  public static final int MOST_ROWS = 1_000;

  private static final StreamReadConstraints LIMITS =
      Json.MAPPER.tokenStreamFactory().streamReadConstraints();

  private final JsonParser json;
  private final RawRows rows;

  private RowsOfJson(JsonParser json, RawRows rows) {
    this.json = json;
    this.rows = rows;
  }

  /** Parses the one row of {@code {"features": {column: value}}}. */
  public static Table features(byte[] body, List<String> columns) {
    return read(body, columns, "features", RowsOfJson::row);
  }

  /** Parses the rows of {@code {"instances": [{column: value}, …]}}. */
  public static Table instances(byte[] body, List<String> columns) {
    return read(body, columns, "instances", RowsOfJson::rows);
  }

  private interface Reading {
    void read(RowsOfJson json, String where);
  }

  private static Table read(byte[] body, List<String> columns, String field, Reading reading) {
    try (JsonParser json = Json.MAPPER.createParser(body)) {
      RowsOfJson reader = new RowsOfJson(json, new RawRows(columns));
      reader.object(field, reading);
      return reader.rows.table();
    } catch (JacksonException e) {
      throw malformed(e);
    }
  }

  /** The refusal of a body that is not JSON or does not have the expected shape. */
  static Refusal malformed(JacksonException e) {
    if (e instanceof StreamConstraintsException
        || e.getCause() instanceof StreamConstraintsException) {
      return new Refusal(
          400,
          "The request body exceeds a limit: a number has at most %d digits, a name %d characters, and values are nested at most %d levels deep."
              .formatted(
                  LIMITS.getMaxNumberLength(),
                  LIMITS.getMaxNameLength(),
                  LIMITS.getMaxNestingDepth()));
    }
    if (e instanceof DatabindException shape) {
      return new Refusal(
          400,
          "The request does not have the expected shape at '%s'; see /openapi.json."
              .formatted(
                  shape.getPath().stream()
                      .map(
                          step ->
                              step.getPropertyName() == null
                                  ? "[" + step.getIndex() + "]"
                                  : step.getPropertyName())
                      .collect(Collectors.joining("."))));
    }
    TokenStreamLocation location = e.getLocation();
    return new Refusal(
        400,
        "The request body is not valid JSON%s; see /openapi.json."
            .formatted(
                location == null
                    ? ""
                    : " at line %d, column %d"
                        .formatted(location.getLineNr(), location.getColumnNr())));
  }

  private void object(String field, Reading reading) {
    boolean found = false;
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw wrongShape(field);
    }
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = json.currentName();
      if (!name.equals(field)) {
        throw new Refusal(
            400,
            "The request has the unknown field '%s'; the only field is '%s'."
                .formatted(name, field));
      }
      if (found) {
        throw new Refusal(
            400, "The request has the field '%s' twice; send it once.".formatted(field));
      }
      found = true;
      json.nextToken();
      reading.read(this, field);
    }
    if (!found || json.nextToken() != null) {
      throw wrongShape(field);
    }
  }

  private static Refusal wrongShape(String field) {
    return new Refusal(
        400,
        field.equals("features")
            ? "The request body is not of the form {\"features\": {column: value, …}}; see /openapi.json."
            : "The request body is not of the form {\"instances\": [{column: value, …}, …]}; see /openapi.json.");
  }

  private void rows(String field) {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw wrongShape(field);
    }
    while (json.nextToken() != JsonToken.END_ARRAY) {
      requireRoom(rows.rows() + 1);
      row(field);
    }
    if (rows.rows() == 0) {
      throw new Refusal(400, "'instances' is empty; send 1 to %d rows.".formatted(MOST_ROWS));
    }
  }

  static void requireRoom(long rows) {
    if (rows > MOST_ROWS) {
      throw new Refusal(
          413,
          "The request has more than %d rows; split it, or use the step predict for a file."
              .formatted(MOST_ROWS));
    }
  }

  private void row(String field) {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      throw wrongShape(field);
    }
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      String column = json.currentName();
      value(column, json.nextToken());
    }
    rows.endRow();
  }

  private void value(String column, @Nullable JsonToken token) {
    if (!rows.reads(column)) {
      json.skipChildren();
      return;
    }
    switch (token) {
      case VALUE_NULL -> rows.add(column, Double.NaN);
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> rows.add(column, json.getDoubleValue());
      case VALUE_STRING -> rows.add(column, json.getString());
      case VALUE_TRUE, VALUE_FALSE -> rows.add(column, json.getString());
      case null, default -> throw rows.noValue(column);
    }
  }
}
