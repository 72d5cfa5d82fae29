package retune.serving.prediction;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.http.Refusal;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * The Open Inference Protocol, version 2, with JSON tensors: each raw column is an input of shape
 * {@code [rows]} or {@code [rows, 1]}; the outputs are {@code predicted}, {@code probabilities} and
 * {@code warnings}, a JSON array for each row.
 *
 * @see <a href="https://github.com/open-inference/open-inference-protocol">the protocol</a>
 */
public final class InferenceProtocol {
  private static final String PREDICTED = "predicted";
  private static final String PROBABILITIES = "probabilities";
  private static final String WARNINGS = "warnings";
  private static final Set<String> OUTPUTS = Set.of(PREDICTED, PROBABILITIES, WARNINGS);
  private static final Set<String> DATATYPES =
      Set.of(
          "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
          "FP32", "FP64", "BYTES");

  /** One tensor of a request. */
  @JsonIgnoreProperties("parameters")
  record Input(String name, List<Long> shape, String datatype, JsonNode data) {}

  /** A requested output. */
  @JsonIgnoreProperties("parameters")
  record Wanted(String name) {}

  /**
   * A request.
   *
   * @param id returned with the response
   * @param inputs one tensor for each column
   * @param outputs the requested outputs; all if null or empty
   */
  @JsonIgnoreProperties("parameters")
  public record Request(@Nullable String id, List<Input> inputs, @Nullable List<Wanted> outputs) {}

  private InferenceProtocol() {}

  /** Parses a request and checks its outputs. */
  public static Request read(byte[] body) {
    Request request;
    try {
      request = Json.MAPPER.readValue(body, Request.class);
    } catch (JacksonException e) {
      throw RowsOfJson.malformed(e);
    }
    if (request == null || request.inputs == null || request.inputs.isEmpty()) {
      throw new Refusal(400, "The request has no 'inputs'; send one tensor for each column.");
    }
    for (Wanted wanted : wanted(request)) {
      if (wanted == null || wanted.name == null || !OUTPUTS.contains(wanted.name)) {
        throw new Refusal(
            400,
            "There is no output '%s'; the outputs are predicted, probabilities and warnings."
                .formatted(wanted == null ? null : wanted.name));
      }
    }
    return request;
  }

  /** Converts the tensors to rows of the columns that the model reads. */
  public static Table rows(Request request, List<String> columns) {
    long rows = -1;
    Map<String, Input> byName = new LinkedHashMap<>();
    for (Input input : request.inputs) {
      requireWhole(input);
      long length = length(input);
      RowsOfJson.requireRoom(length);
      if (rows >= 0 && rows != length) {
        throw new Refusal(
            400,
            "The input '%s' has %d rows, others have %d; send the same number in each."
                .formatted(input.name, length, rows));
      }
      rows = length;
      if (byName.put(input.name, input) != null) {
        throw new Refusal(
            400, "The input '%s' is in the request twice; send it once.".formatted(input.name));
      }
    }
    RawRows raw = new RawRows(columns);
    for (int row = 0; row < rows; row++) {
      for (Input input : byName.values()) {
        if (raw.reads(input.name)) {
          add(raw, input, row);
        }
      }
      raw.endRow();
    }
    return raw.table();
  }

  private static void requireWhole(@Nullable Input input) {
    if (input == null || input.name == null || input.shape == null || input.data == null) {
      throw new Refusal(400, "An input lacks its name, shape, datatype or data; send all four.");
    }
    if (!DATATYPES.contains(String.valueOf(input.datatype))) {
      throw new Refusal(
          400,
          "The input '%s' has the unknown datatype '%s'; use FP64 for numbers and BYTES for text."
              .formatted(input.name, input.datatype));
    }
  }

  private static long length(Input input) {
    boolean column = input.shape.size() == 1 || (input.shape.size() == 2 && last(input) == 1);
    Long rows = input.shape.isEmpty() ? null : input.shape.getFirst();
    if (!column || rows == null || rows < 1 || input.data.size() != rows || !input.data.isArray()) {
      throw new Refusal(
          400,
          "The input '%s' declares the shape %s and has %d values; the shape must be [rows] or [rows, 1] with at least one row."
              .formatted(input.name, input.shape, input.data.size()));
    }
    return rows;
  }

  private static long last(Input input) {
    Long last = input.shape.getLast();
    return last == null ? 0 : last;
  }

  private static void add(RawRows raw, Input input, int row) {
    JsonNode value = input.data.get(row);
    JsonNode cell = value.isArray() && value.size() == 1 ? value.get(0) : value;
    if (cell.isNull()) {
      raw.add(input.name, Double.NaN);
    } else if (cell.isNumber()) {
      raw.add(input.name, Double.parseDouble(cell.asString()));
    } else if (cell.isString() || cell.isBoolean()) {
      raw.add(input.name, cell.asString());
    } else {
      throw raw.noValue(input.name);
    }
  }

  /**
   * The response to a request.
   *
   * @param requestId the service's own id of the request; the client's {@code id} is not unique
   */
  public static Map<String, Object> answer(
      Request request, ModelVersion version, String requestId, List<Prediction> predictions) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("model_name", version.modelName());
    answer.put("model_version", version.modelVersion());
    if (request.id != null) {
      answer.put("id", Refusal.wellFormed(request.id));
    }
    answer.put("parameters", parameters(version, requestId));
    List<String> names = wanted(request).stream().map(Wanted::name).toList();
    List<Map<String, Object>> outputs = new ArrayList<>();
    int rows = predictions.size();
    if (names.isEmpty() || names.contains(PREDICTED)) {
      List<String> classes = predictions.stream().map(Prediction::answeredClass).toList();
      outputs.add(tensor(PREDICTED, "BYTES", List.of(rows), classes));
    }
    if (names.isEmpty() || names.contains(PROBABILITIES)) {
      double[] all =
          predictions.stream()
              .map(Prediction::probabilities)
              .flatMapToDouble(Arrays::stream)
              .toArray();
      outputs.add(
          tensor(PROBABILITIES, "FP64", List.of(rows, version.target().classes().size()), all));
    }
    if (names.isEmpty() || names.contains(WARNINGS)) {
      List<String> warnings =
          predictions.stream()
              .map(prediction -> Json.MAPPER.writeValueAsString(prediction.warnings().first()))
              .toList();
      outputs.add(tensor(WARNINGS, "BYTES", List.of(rows), warnings));
    }
    answer.put("outputs", outputs);
    return answer;
  }

  private static Map<String, Object> parameters(ModelVersion version, String requestId) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("request_id", requestId);
    parameters.put("model_id", version.modelId());
    if (version.target().isBinary()) {
      parameters.put("threshold", version.decisionThreshold());
    }
    parameters.put("calibrated", version.calibration() != null);
    return parameters;
  }

  /** The model metadata of the protocol. */
  public static Map<String, Object> metadata(ModelVersion version, String engine) {
    Preprocessing preprocessing = version.preprocessing();
    Stream<Map<String, Object>> texts =
        Stream.of(
                preprocessing.categorical().stream().map(column -> column.name()),
                preprocessing.dates().stream().map(column -> column.name()),
                Stream.ofNullable(preprocessing.text()).map(column -> column.name()))
            .flatMap(names -> names)
            .map(name -> input(name, "BYTES"));
    Stream<Map<String, Object>> numbers =
        Stream.concat(
                preprocessing.codes().stream().map(column -> column.name()),
                preprocessing.numeric().stream().map(column -> column.name()))
            .map(name -> input(name, "FP64"));
    return Map.of(
        "name",
        version.modelName(),
        "versions",
        List.of(version.modelVersion()),
        "platform",
        "retune_" + engine,
        "inputs",
        Stream.concat(texts, numbers).toList(),
        "outputs",
        List.of(
            Map.of("name", PREDICTED, "datatype", "BYTES", "shape", List.of(-1)),
            Map.of(
                "name",
                PROBABILITIES,
                "datatype",
                "FP64",
                "shape",
                List.of(-1, version.target().classes().size())),
            Map.of("name", WARNINGS, "datatype", "BYTES", "shape", List.of(-1))));
  }

  private static Map<String, Object> input(String name, String datatype) {
    return Map.of("name", name, "datatype", datatype, "shape", List.of(-1));
  }

  private static Map<String, Object> tensor(
      String name, String datatype, List<Integer> shape, Object data) {
    Map<String, Object> tensor = new LinkedHashMap<>();
    tensor.put("name", name);
    tensor.put("datatype", datatype);
    tensor.put("shape", shape);
    tensor.put("data", data);
    return tensor;
  }

  private static List<Wanted> wanted(Request request) {
    return request.outputs == null ? List.of() : request.outputs;
  }
}
