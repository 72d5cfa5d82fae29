package retune.serving.prediction;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelVersion;
import retune.runtime.Json;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A request of the Open Inference Protocol, version 2, with tensors in JSON or after it (see {@link
 * BinaryTensors}): each raw column is an input of shape {@code [rows]} or {@code [rows, 1]}; the
 * outputs are {@code predicted}, {@code probabilities} and {@code warnings}, a JSON array for each
 * row.
 *
 * @see <a href="https://github.com/open-inference/open-inference-protocol">the protocol</a>
 */
public final class InferenceProtocol {
  /** The header that says how many bytes of a body are JSON, if tensors follow. */
  public static final String JSON_BYTES = BinaryTensors.HEADER;

  private static final String PREDICTED = "predicted";
  private static final String PROBABILITIES = "probabilities";
  private static final String WARNINGS = "warnings";
  private static final List<String> OUTPUTS = List.of(PREDICTED, PROBABILITIES, WARNINGS);
  private static final Set<String> DATATYPES =
      Set.of(
          "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
          "FP32", "FP64", "BYTES");

  /**
   * One tensor of a request.
   *
   * @param data the values; null if they follow the JSON
   */
  record Input(
      String name,
      List<Long> shape,
      String datatype,
      @Nullable JsonNode data,
      @Nullable InputParameters parameters) {
    /** Number of bytes of the values after the JSON; null if they are in it. */
    @Nullable Long binarySize() {
      return parameters == null ? null : parameters.binaryDataSize;
    }

    /** Whether the JSON has values for the tensor. */
    boolean hasData() {
      return data != null && !data.isNull();
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  record InputParameters(@Nullable Long binaryDataSize) {}

  /** A requested output. */
  record Wanted(String name, @Nullable OutputParameters parameters) {
    @Nullable Boolean isBinary() {
      return parameters == null ? null : parameters.binaryData;
    }
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  record OutputParameters(@Nullable Boolean binaryData) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Parameters(@Nullable Boolean binaryDataOutput) {}

  /**
   * The JSON of a request.
   *
   * @param id returned with the response
   * @param inputs one tensor for each column
   * @param outputs the requested outputs; all if null or empty
   */
  @JsonIgnoreProperties("model_name") // which KServe's client sends beside the path
  record Content(
      @Nullable String id,
      List<Input> inputs,
      @Nullable List<Wanted> outputs,
      @Nullable Parameters parameters) {
    List<Wanted> wanted() {
      return outputs == null ? List.of() : outputs;
    }

    boolean wants(String output) {
      return wanted().isEmpty() || wanted().stream().anyMatch(want -> want.name.equals(output));
    }

    /** Whether an output follows the JSON of the answer. */
    boolean wantsBinary(String output) {
      return wanted().stream()
          .filter(want -> want.name.equals(output))
          .map(Wanted::isBinary)
          .filter(Objects::nonNull)
          .findFirst()
          .orElse(parameters != null && Boolean.TRUE.equals(parameters.binaryDataOutput));
    }
  }

  private final Content request;
  private final BinaryTensors tensors;

  private InferenceProtocol(Content request, BinaryTensors tensors) {
    this.request = request;
    this.tensors = tensors;
  }

  /**
   * Parses a request and checks its outputs.
   *
   * @param jsonBytes value of the header {@link #JSON_BYTES}; null if there is none, and the whole
   *     body is JSON
   */
  public static InferenceProtocol read(byte[] body, @Nullable String jsonBytes) {
    int json = BinaryTensors.jsonBytes(body, jsonBytes);
    Content request;
    try {
      request = Json.MAPPER.readValue(body, 0, json, Content.class);
    } catch (JacksonException e) {
      throw RowsOfJson.malformed(e);
    }
    if (request == null || request.inputs == null || request.inputs.isEmpty()) {
      throw new Refusal(400, "The request has no 'inputs'; send one tensor for each column.");
    }
    for (Wanted wanted : request.wanted()) {
      if (wanted == null || wanted.name == null || !OUTPUTS.contains(wanted.name)) {
        throw new Refusal(
            400,
            "There is no output '%s'; the outputs are predicted, probabilities and warnings."
                .formatted(wanted == null ? null : wanted.name));
      }
    }
    return new InferenceProtocol(request, BinaryTensors.after(body, json));
  }

  /** Converts the tensors, once, to rows of the columns that the model reads. */
  public Table rows(List<String> columns) {
    long rows = -1;
    Map<String, TensorValues> byName = new LinkedHashMap<>();
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
      if (byName.put(input.name, values(input, (int) length)) != null) {
        throw new Refusal(
            400, "The input '%s' is in the request twice; send it once.".formatted(input.name));
      }
    }
    tensors.requireEnd();
    RawRows raw = new RawRows(columns);
    for (int row = 0; row < rows; row++) {
      for (Map.Entry<String, TensorValues> input : byName.entrySet()) {
        if (raw.reads(input.getKey())) {
          input.getValue().addTo(raw, input.getKey(), row);
        }
      }
      raw.endRow();
    }
    return raw.table();
  }

  private TensorValues values(Input input, int rows) {
    Long size = input.binarySize();
    if (size != null) {
      return tensors.next(input.name, input.datatype, rows, size);
    }
    return new TensorValues.Json(Objects.requireNonNull(input.data));
  }

  private static void requireWhole(@Nullable Input input) {
    if (input == null
        || input.name == null
        || input.shape == null
        || (!input.hasData() && input.binarySize() == null)) {
      throw new Refusal(400, "An input lacks its name, shape, datatype or data; send all four.");
    }
    if (!DATATYPES.contains(String.valueOf(input.datatype))) {
      throw new Refusal(
          400,
          "The input '%s' has the unknown datatype '%s'; use FP64 for numbers and BYTES for text."
              .formatted(input.name, input.datatype));
    }
    if (input.hasData() && input.binarySize() != null) {
      throw new Refusal(
          400,
          "The input '%s' has both data and binary_data_size; send one of them."
              .formatted(input.name));
    }
  }

  private static long length(Input input) {
    boolean column = input.shape.size() == 1 || (input.shape.size() == 2 && last(input) == 1);
    Long rows = input.shape.isEmpty() ? null : input.shape.getFirst();
    JsonNode data = input.hasData() ? input.data : null;
    if (!column
        || rows == null
        || rows < 1
        || (data != null && (data.size() != rows || !data.isArray()))) {
      throw new Refusal(
          400,
          "The input '%s' declares the shape %s%s; the shape must be [rows] or [rows, 1] with at least one row."
              .formatted(
                  input.name,
                  input.shape,
                  data == null ? "" : " and has %d values".formatted(data.size())));
    }
    return rows;
  }

  private static long last(Input input) {
    Long last = input.shape.getLast();
    return last == null ? 0 : last;
  }

  /**
   * The answer to the request.
   *
   * @param requestId the service's own id of the request; the client's {@code id} is not unique
   */
  public Answer answer(ModelVersion version, String requestId, List<Prediction> predictions) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("model_name", version.modelName());
    answer.put("model_version", version.modelVersion());
    if (request.id != null) {
      answer.put("id", Refusal.wellFormed(request.id));
    }
    answer.put("parameters", parameters(version, requestId));
    List<Map<String, Object>> outputs = new ArrayList<>();
    ByteArrayOutputStream binary = new ByteArrayOutputStream();
    for (String name : OUTPUTS) {
      if (request.wants(name)) {
        outputs.add(
            output(name, version, predictions).json(request.wantsBinary(name) ? binary : null));
      }
    }
    answer.put("outputs", outputs);
    return binary.size() == 0 ? Answer.json(answer) : withTensors(answer, binary);
  }

  private static Answer withTensors(Map<String, Object> json, ByteArrayOutputStream binary) {
    byte[] first = Json.MAPPER.writeValueAsBytes(json);
    byte[] body = Arrays.copyOf(first, first.length + binary.size());
    System.arraycopy(binary.toByteArray(), 0, body, first.length, binary.size());
    return new Answer(
        200,
        "application/octet-stream",
        body,
        Map.of(BinaryTensors.HEADER, Integer.toString(first.length)));
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

  /**
   * An output tensor.
   *
   * @param data what JSON has
   * @param binary what follows the JSON instead
   */
  private record Output(
      String name, String datatype, List<Integer> shape, Object data, Supplier<byte[]> binary) {
    static Output ofTexts(String name, List<String> values) {
      return new Output(
          name, "BYTES", List.of(values.size()), values, () -> BinaryTensors.ofTexts(values));
    }

    /** The tensor in JSON; its values go to the stream, if there is one. */
    Map<String, Object> json(@Nullable ByteArrayOutputStream tensors) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("name", name);
      json.put("datatype", datatype);
      json.put("shape", shape);
      if (tensors == null) {
        json.put("data", data);
      } else {
        byte[] values = binary.get();
        json.put("parameters", Map.of("binary_data_size", values.length));
        tensors.writeBytes(values);
      }
      return json;
    }
  }

  private static Output output(String name, ModelVersion version, List<Prediction> predictions) {
    return switch (name) {
      case PREDICTED ->
          Output.ofTexts(name, predictions.stream().map(Prediction::answeredClass).toList());
      case PROBABILITIES -> {
        double[] all =
            predictions.stream()
                .map(Prediction::probabilities)
                .flatMapToDouble(Arrays::stream)
                .toArray();
        List<Integer> shape = List.of(predictions.size(), version.target().classes().size());
        yield new Output(name, "FP64", shape, all, () -> BinaryTensors.ofNumbers(all));
      }
      case WARNINGS ->
          Output.ofTexts(
              name,
              predictions.stream()
                  .map(row -> Json.MAPPER.writeValueAsString(row.warnings().first()))
                  .toList());
      default -> throw new IllegalArgumentException(name);
    };
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
}
