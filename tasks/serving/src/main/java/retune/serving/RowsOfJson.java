package retune.serving;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.runtime.Json;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DatabindException;

/** Reads {@code {"features": {…}}} and {@code {"instances": [{…}, …]}}, without a tree between. */
final class RowsOfJson {
  /** Most rows that one request may have. */
  static final int MOST_ROWS = 1_000;

  private final JsonParser json;
  private final RawRows rows;

  private RowsOfJson(JsonParser json, RawRows rows) {
    this.json = json;
    this.rows = rows;
  }

  /** The one row of {@code {"features": {column: value}}}. */
  static Table features(byte[] body, List<String> columns) {
    return read(body, columns, "features", RowsOfJson::row);
  }

  /** The rows of {@code {"instances": [{column: value}, …]}}. */
  static Table instances(byte[] body, List<String> columns) {
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

  /** What is said of a body that is no JSON, or not of the shape asked for. */
  static Refusal malformed(JacksonException e) {
    if (e instanceof DatabindException shape) {
      return new Refusal(
          400,
          "The request has not the protocol's shape at %s; see /openapi.json."
              .formatted(
                  shape.getPath().stream()
                      .map(
                          step ->
                              step.getPropertyName() == null
                                  ? "[" + step.getIndex() + "]"
                                  : step.getPropertyName())
                      .collect(Collectors.joining("."))));
    }
    return new Refusal(
        400,
        "The request's body is no JSON at line %d, column %d; see /openapi.json."
            .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr()));
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
            400, "The request has '%s'; it may have '%s' alone.".formatted(name, field));
      }
      if (found) {
        throw new Refusal(400, "The request has '%s' twice; send it once.".formatted(field));
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
            ? "The request is not {\"features\": {column: value, …}}; send one object of that shape."
            : "The request is not {\"instances\": [{column: value, …}, …]}; send one object of that shape.");
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
          "The request has more than %d rows; send it in parts, or use the step predict for a file."
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
