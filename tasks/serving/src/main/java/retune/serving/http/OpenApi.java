package retune.serving.http;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.model.ModelVersion;
import retune.runtime.http.Problem;
import retune.serving.challenger.Share;
import retune.serving.prediction.ExampleRow;
import retune.serving.prediction.InferenceProtocol;
import retune.serving.prediction.RequestId;
import retune.serving.prediction.RowsOfJson;

/** The OpenAPI 3.1 document of the service, with the columns of the served version. */
final class OpenApi {
  private static final Map<String, Object> TEXT = Map.of("type", "string");
  private static final Map<String, Object> FLAG = Map.of("type", "boolean");
  private static final Map<String, Object> TENSORS =
      Map.of("application/octet-stream", Map.of("schema", Map.of()));
  private static final Map<String, Object> NUMBER = Map.of("type", "number");
  private static final Map<String, Object> PROBABILITY =
      Map.of("type", "number", "minimum", 0, "maximum", 1);

  private static final Map<String, Object> REQUEST_ID =
      Map.of(
          "name",
          RequestId.HEADER,
          "in",
          "header",
          "description",
          "Names the request; where it is missing or no such text, the service makes an id.",
          "schema",
          TEXT);
  private static final Map<String, Object> REQUEST_KEY =
      Map.of(
          "name",
          Share.HEADER,
          "in",
          "header",
          "description",
          "Requests of one key are answered by one version while a canary runs; where it is"
              + " missing, requests of the same rows are.",
          "schema",
          TEXT);

  private OpenApi() {}

  static Map<String, Object> of(ModelVersion version) {
    Map<String, Object> api = new LinkedHashMap<>();
    api.put("openapi", "3.1.0");
    api.put(
        "info",
        Map.of(
            "title",
            "Predictions of " + version.modelName(),
            "version",
            version.modelVersion(),
            "description",
            "Served version: " + version.modelId() + "."));
    api.put("paths", paths(version));
    api.put("components", Map.of("schemas", schemas(version)));
    return api;
  }

  private static Map<String, Object> paths(ModelVersion version) {
    Map<String, Object> paths = new LinkedHashMap<>();
    paths.put("/", get("The endpoints"));
    paths.put("/predict", post("One row", reference("Row"), reference("Answer")));
    paths.put("/batch_predict", post("Up to 1,000 rows", reference("Rows"), reference("Answers")));
    paths.put(FeedbackRoute.PATH, feedback());
    paths.put("/example", get("An example request for /predict", 503));
    paths.put("/health", get("The served version, and whether there is one", 503));
    paths.put(
        "/metrics",
        operation(
            "get",
            "Metrics for Prometheus",
            responses(Map.of("text/plain", Map.of("schema", TEXT)))));
    paths.put("/openapi.json", get("This document", 503));
    paths.put("/v2", get("The server's metadata"));
    paths.put("/v2/health/live", get("Whether the process is alive"));
    paths.put("/v2/health/ready", get("Whether the service accepts predictions", 503));
    String model = "/v2/models/" + version.modelName();
    paths.put(model, get("The model's inputs and outputs", 503));
    paths.put(model + "/ready", get("Whether the model is loaded", 503));
    paths.put(model + "/infer", Map.of("post", infer()));
    return paths;
  }

  private static Map<String, Object> schemas(ModelVersion version) {
    Map<String, Object> row = ExampleRow.schema(version.preprocessing());
    Map<String, Object> prediction =
        Map.of(
            "prediction",
            PROBABILITY,
            "prediction_class",
            Map.of("type", "string", "enum", version.target().classes()),
            "probabilities",
            Map.of("type", "object", "additionalProperties", PROBABILITY),
            "warnings",
            list(reference("Warning")));
    Map<String, Object> leftOut =
        Map.of("warnings_left_out", Map.of("type", "integer", "minimum", 1));
    Map<String, Object> signature = signature(version);
    Map<String, Object> one = with(prediction, signature);
    Map<String, Object> many = new LinkedHashMap<>();
    many.put("predictions", list(object(with(prediction, leftOut), prediction.keySet())));
    many.put("total_count", Map.of("type", "integer", "minimum", 1));
    many.putAll(signature);
    Map<String, Object> schemas = new LinkedHashMap<>(requestsAndAnswers());
    schemas.put("Features", row);
    schemas.put("Label", label(version));
    schemas.put("Answer", object(with(one, leftOut), one.keySet()));
    schemas.put("Answers", object(many, many.keySet()));
    return schemas;
  }

  private static Map<String, Object> label(ModelVersion version) {
    Map<String, Object> label =
        new LinkedHashMap<>(
            object(
                Map.of(
                    "request_id",
                    Map.of("type", "string", "pattern", RequestId.PATTERN),
                    "row",
                    Map.of("type", "integer", "minimum", 0, "maximum", RowsOfJson.MOST_ROWS - 1),
                    "label",
                    Map.of("type", "string", "enum", version.target().classes())),
                List.of("request_id", "label")));
    label.put("additionalProperties", false);
    return label;
  }

  /** What stands in every answer, whatever the number of rows. */
  private static Map<String, Object> signature(ModelVersion version) {
    Map<String, Object> signature = new LinkedHashMap<>();
    if (version.target().isBinary()) {
      signature.put("threshold", PROBABILITY);
    }
    signature.put("calibrated", FLAG);
    signature.put("request_id", Map.of("type", "string", "pattern", RequestId.PATTERN));
    signature.put("model_id", TEXT);
    signature.put("model_version", TEXT);
    signature.put("timestamp", TEXT);
    signature.put("latency_ms", NUMBER);
    return signature;
  }

  private static Map<String, Object> with(
      Map<String, Object> properties, Map<String, Object> further) {
    Map<String, Object> all = new LinkedHashMap<>(properties);
    all.putAll(further);
    return all;
  }

  /** The schemas that are the same for every version. */
  private static Map<String, Object> requestsAndAnswers() {
    return Map.of(
        "Row",
        closed(Map.of("features", reference("Features"))),
        "Rows",
        closed(Map.of("instances", several("Features"))),
        "Warning",
        object(
            Map.of("kind", TEXT, "column", TEXT, "message", TEXT),
            List.of("kind", "column", "message")),
        "InferenceRequest",
        object(
            Map.of(
                "id",
                TEXT,
                "inputs",
                list(reference("Tensor")),
                "outputs",
                list(output()),
                "parameters",
                object(Map.of("binary_data_output", FLAG), List.of())),
            List.of("inputs")),
        "InferenceAnswer",
        object(
            Map.of(
                "model_name",
                TEXT,
                "model_version",
                TEXT,
                "id",
                TEXT,
                "parameters",
                object(
                    Map.of("model_id", TEXT, "request_id", TEXT),
                    List.of("model_id", "request_id")),
                "outputs",
                list(reference("Tensor"))),
            List.of("model_name", "outputs")),
        "Tensor",
        object(
            Map.of(
                "name",
                TEXT,
                "datatype",
                TEXT,
                "shape",
                list(Map.of("type", "integer")),
                "data",
                Map.of("type", "array"),
                "parameters",
                object(
                    Map.of("binary_data_size", Map.of("type", "integer", "minimum", 0)),
                    List.of())),
            List.of("name", "datatype", "shape")),
        "Problem",
        object(
            Map.of("status", Map.of("type", "integer"), "title", TEXT, "message", TEXT),
            List.of("status", "title", "message")));
  }

  private static Map<String, Object> output() {
    return object(
        Map.of("name", TEXT, "parameters", object(Map.of("binary_data", FLAG), List.of())),
        List.of("name"));
  }

  private static Map<String, Object> get(String summary, int... problems) {
    return operation("get", summary, responses(json(Map.of("type", "object")), problems));
  }

  private static Map<String, Object> post(
      String summary, Map<String, Object> request, Map<String, Object> answer) {
    return Map.of("post", question(summary, json(request), json(answer)));
  }

  /** JSON, or JSON and then tensors, whose schema is any bytes. */
  private static Map<String, Object> infer() {
    Map<String, Object> request = with(json(reference("InferenceRequest")), TENSORS);
    Map<String, Object> answer = with(json(reference("InferenceAnswer")), TENSORS);
    Map<String, Object> header =
        Map.of(
            "name",
            InferenceProtocol.JSON_BYTES,
            "in",
            "header",
            "required",
            false,
            "description",
            "Number of bytes of the JSON, if tensors follow it",
            "schema",
            Map.of("type", "integer", "minimum", 0));
    return with(
        question("Rows as tensors", request, answer),
        Map.of("parameters", List.of(REQUEST_ID, REQUEST_KEY, header)));
  }

  private static Map<String, Object> question(
      String summary, Map<String, Object> request, Map<String, Object> answer) {
    Map<String, Object> operation = new LinkedHashMap<>();
    operation.put("summary", summary);
    operation.put("parameters", List.of(REQUEST_ID, REQUEST_KEY));
    operation.put("requestBody", Map.of("required", true, "content", request));
    operation.put("responses", responses(answer, 400, 401, 413, 422, 429, 503));
    return operation;
  }

  private static Map<String, Object> json(Map<String, Object> schema) {
    return Map.of("application/json", Map.of("schema", schema));
  }

  /** As many of a schema as a request may have rows. */
  private static Map<String, Object> several(String schema) {
    return Map.of(
        "type",
        "array",
        "minItems",
        1,
        "maxItems",
        RowsOfJson.MOST_ROWS,
        "items",
        reference(schema));
  }

  private static Map<String, Object> feedback() {
    Map<String, Object> labels = several("Label");
    Map<String, Object> accepted =
        Map.of("model", TEXT, "accepted", Map.of("type", "integer"), "timestamp", TEXT);
    Map<String, Object> responses = responses(Map.of(), 400, 401, 403, 413, 422, 429, 503);
    responses.remove("200");
    responses.put(
        "202",
        Map.of(
            "description",
            "The labels are kept",
            "content",
            json(object(accepted, accepted.keySet()))));
    Map<String, Object> request =
        Map.of("oneOf", List.of(reference("Label"), closed(Map.of("feedback", labels))));
    Map<String, Object> operation = new LinkedHashMap<>();
    operation.put("summary", "Labels of rows that were predicted earlier");
    operation.put("requestBody", Map.of("required", true, "content", json(request)));
    operation.put("responses", responses);
    return Map.of("post", operation);
  }

  private static Map<String, Object> operation(
      String method, String summary, Map<String, Object> responses) {
    return Map.of(method, Map.of("summary", summary, "responses", responses));
  }

  private static Map<String, Object> responses(Map<String, Object> content, int... problems) {
    Map<String, Object> responses = new LinkedHashMap<>();
    responses.put("200", Map.of("description", "The answer", "content", content));
    for (int status : problems) {
      responses.put(
          Integer.toString(status),
          Map.of(
              "description",
              "A sentence that says why not",
              "content",
              Map.of(Problem.CONTENT_TYPE, Map.of("schema", reference("Problem")))));
    }
    return responses;
  }

  private static Map<String, Object> reference(String schema) {
    return Map.of("$ref", "#/components/schemas/" + schema);
  }

  private static Map<String, Object> list(Map<String, Object> items) {
    return Map.of("type", "array", "items", items);
  }

  private static Map<String, Object> object(
      Map<String, Object> properties, Collection<String> required) {
    return Map.of("type", "object", "properties", properties, "required", List.copyOf(required));
  }

  /** An object that has these properties and no other. */
  private static Map<String, Object> closed(Map<String, Object> properties) {
    Map<String, Object> object = new LinkedHashMap<>(object(properties, properties.keySet()));
    object.put("additionalProperties", false);
    return object;
  }
}
