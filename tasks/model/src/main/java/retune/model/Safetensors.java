package retune.model;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import retune.core.InvalidInputException;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The safetensors format (github.com/huggingface/safetensors): 8 bytes with the header's length,
 * little endian; a JSON header of {@code {name: {dtype, shape, data_offsets}}}; the tensors' bytes.
 * Only float32, beside bytes for a version's archive, and only files whose tensors cover the bytes
 * without gap or overlap.
 */
public final class Safetensors {
  /** The format's own limit of a header, in bytes. */
  private static final long MAX_HEADER = 100_000_000;

  private static final String METADATA = "__metadata__";
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .build();

  /** A tensor's place in the bytes after the header. */
  private record Entry(String name, Type type, int[] shape, long begin, long end) {}

  private enum Type {
    F32(Float.BYTES),
    U8(1);

    private final int size;

    Type(int size) {
      this.size = size;
    }
  }

  private Safetensors() {}

  /** The same tensors give the same bytes. */
  public static byte[] write(Weights weights) {
    ObjectNode header = JSON.createObjectNode();
    int size = 0;
    for (Map.Entry<String, Tensor> entry : weights.tensors().entrySet()) {
      size = describe(header, entry.getKey(), Type.F32, entry.getValue().shape(), size);
    }
    Weights.Archive archive = weights.archive();
    if (archive != null) {
      // Last, so that the numbers stay aligned
      size =
          describe(
              header, archive.form().tensor, Type.U8, new int[] {archive.bytes().length}, size);
    }
    byte[] json = JSON.writeValueAsBytes(header);
    int headerSize = Math.ceilDiv(json.length, Long.BYTES) * Long.BYTES;
    ByteBuffer bytes =
        ByteBuffer.allocate(Long.BYTES + headerSize + size).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(headerSize).put(json).put(" ".repeat(headerSize - json.length).getBytes(UTF_8));
    for (Tensor tensor : weights.tensors().values()) {
      bytes.asFloatBuffer().put(tensor.values());
      bytes.position(bytes.position() + tensor.values().length * Float.BYTES);
    }
    if (archive != null) {
      bytes.put(archive.bytes());
    }
    return bytes.array();
  }

  /** Adds a tensor to the header and returns where its bytes end. */
  private static int describe(ObjectNode header, String name, Type type, int[] shape, int begin) {
    ObjectNode tensor = header.putObject(name).put("dtype", type.name());
    ArrayNode dimensions = tensor.putArray("shape");
    int size = type.size;
    for (int dimension : shape) {
      dimensions.add(dimension);
      size = Math.multiplyExact(size, dimension);
    }
    int end = Math.addExact(begin, size);
    tensor.putArray("data_offsets").add(begin).add(end);
    return end;
  }

  /**
   * The tensors of a file; an {@link InvalidInputException} says what is wrong with it.
   *
   * @param source the file's name, for the message
   */
  public static Weights read(byte[] bytes, String source) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < Long.BYTES) {
      throw bad(source, "is " + bytes.length + " bytes long, too short for a header");
    }
    long headerSize = buffer.getLong();
    if (headerSize < 2 || headerSize > MAX_HEADER || headerSize > buffer.remaining()) {
      throw bad(
          source,
          "says that its header has "
              + Long.toUnsignedString(headerSize)
              + " bytes, but "
              + buffer.remaining()
              + " bytes follow");
    }
    List<Entry> entries = entries(bytes, (int) headerSize, source);
    ByteBuffer data = buffer.position(Long.BYTES + (int) headerSize).slice();
    checkCover(entries, data.limit(), source);
    SortedMap<String, Tensor> tensors = new TreeMap<>();
    Weights.Archive archive = null;
    for (Entry entry : entries) {
      int size = (int) (entry.end - entry.begin);
      ByteBuffer stored = data.slice((int) entry.begin, size).order(ByteOrder.LITTLE_ENDIAN);
      switch (entry.type) {
        case F32 -> {
          float[] values = new float[size / Float.BYTES];
          stored.asFloatBuffer().get(values);
          tensors.put(entry.name, new Tensor(entry.shape, values));
        }
        case U8 -> {
          archive = new Weights.Archive(form(entry.name).orElseThrow(), new byte[size]);
          stored.get(archive.bytes());
        }
      }
    }
    return new Weights(tensors, archive);
  }

  private static Optional<Weights.Form> form(String tensor) {
    return Arrays.stream(Weights.Form.values())
        .filter(form -> form.tensor.equals(tensor))
        .findFirst();
  }

  /** The header's tensors in the order of their bytes. */
  private static List<Entry> entries(byte[] bytes, int headerSize, String source) {
    JsonNode header;
    try {
      header = JSON.readTree(bytes, Long.BYTES, headerSize);
    } catch (JacksonException e) {
      throw bad(source, "has a header that is not JSON (" + e.getOriginalMessage() + ")");
    }
    if (!header.isObject()) {
      throw bad(source, "has a header that is not a JSON object");
    }
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<String, JsonNode> property : header.properties()) {
      if (!property.getKey().equals(METADATA)) {
        entries.add(entry(property.getKey(), property.getValue(), source));
      }
    }
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    return entries;
  }

  private static Entry entry(String name, JsonNode tensor, String source) {
    String type = tensor.path("dtype").asString("missing");
    boolean isArchive = form(name).isPresent() && type.equals(Type.U8.name());
    if (!type.equals(Type.F32.name()) && !isArchive) {
      throw new InvalidInputException(
          "The tensor '"
              + name
              + "' of "
              + source
              + " has the dtype "
              + type
              + "; only F32 is read, so convert the model to float32 first.");
    }
    long[] shape = integers(tensor.path("shape"), name, "shape", source);
    long[] offsets = integers(tensor.path("data_offsets"), name, "data_offsets", source);
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw bad(source, "gives the tensor '" + name + "' data_offsets that are not [begin, end]");
    }
    Type known = isArchive ? Type.U8 : Type.F32;
    long size = known.size;
    for (long dimension : shape) {
      size = Math.multiplyHigh(size, dimension) == 0 ? size * dimension : -1;
      if (size < 0 || size > Integer.MAX_VALUE) {
        throw bad(source, "gives the tensor '" + name + "' a shape of more than 2 GB");
      }
    }
    if (size != offsets[1] - offsets[0]) {
      throw bad(
          source,
          "gives the tensor '"
              + name
              + "' "
              + (offsets[1] - offsets[0])
              + " bytes, while its shape needs "
              + size);
    }
    int[] dimensions = new int[shape.length];
    for (int i = 0; i < shape.length; i++) {
      dimensions[i] = (int) shape[i];
    }
    return new Entry(name, known, dimensions, offsets[0], offsets[1]);
  }

  private static long[] integers(JsonNode array, String name, String field, String source) {
    long[] values = new long[array.size()];
    for (int i = 0; i < values.length; i++) {
      JsonNode value = array.get(i);
      values[i] = value.isIntegralNumber() && value.canConvertToLong() ? value.asLong() : -1;
      if (values[i] < 0 || values[i] > Integer.MAX_VALUE) {
        throw bad(source, "has " + value + " in the " + field + " of the tensor '" + name + "'");
      }
    }
    if (!array.isArray()) {
      throw bad(source, "lacks the " + field + " of the tensor '" + name + "'");
    }
    return values;
  }

  private static void checkCover(List<Entry> entries, int size, String source) {
    long covered = 0;
    for (Entry entry : entries) {
      if (entry.begin != covered) {
        throw bad(
            source,
            (entry.begin < covered ? "has an overlap" : "has a gap")
                + " before the bytes of the tensor '"
                + entry.name
                + "'");
      }
      covered = entry.end;
    }
    if (covered != size) {
      throw bad(source, "has " + size + " bytes of tensors where its header names " + covered);
    }
  }

  private static InvalidInputException bad(String source, String what) {
    return new InvalidInputException(
        source + " " + what + "; the file is damaged or cut short, so copy it again.");
  }
}
