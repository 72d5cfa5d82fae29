package retune.serving.prediction;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import retune.runtime.http.Refusal;

/**
 * The tensors that follow the JSON of a request or an answer, one after the other, little-endian; a
 * value of the datatype BYTES is its length in 4 bytes and its UTF-8.
 *
 * @see <a
 *     href="https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md">
 *     the protocol's binary tensor data extension</a>
 */
final class BinaryTensors {
  /** Number of bytes of the JSON, in a body that has tensors after it. */
  static final String HEADER = "Inference-Header-Content-Length";

  private final ByteBuffer rest;

  private BinaryTensors(ByteBuffer rest) {
    this.rest = rest.order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The number of bytes of a body's JSON: all, without the header.
   *
   * @param header its value; null if the request lacks it
   */
  static int jsonBytes(byte[] body, @Nullable String header) {
    if (header == null) {
      return body.length;
    }
    try {
      int bytes = Integer.parseInt(header.strip());
      if (bytes >= 0 && bytes <= body.length) {
        return bytes;
      }
    } catch (NumberFormatException e) {
      // refused below, with every other number that cannot be
    }
    throw new Refusal(
        400,
        "The header %s is '%s'; send the number of bytes of the JSON, of which the body can have %d."
            .formatted(HEADER, header, body.length));
  }

  /** What follows the JSON. */
  static BinaryTensors after(byte[] body, int jsonBytes) {
    return new BinaryTensors(ByteBuffer.wrap(body, jsonBytes, body.length - jsonBytes));
  }

  /**
   * The next tensor.
   *
   * @param rows number of its values, already limited
   * @param size number of its bytes, as the request says
   */
  TensorValues next(String name, String datatype, int rows, long size) {
    if (size < 0 || size > rest.remaining()) {
      throw new Refusal(
          400,
          "The input '%s' has the binary_data_size %d, and %d bytes are left of the body; send the tensors after the JSON, in the order of the inputs."
              .formatted(name, size, rest.remaining()));
    }
    ByteBuffer data = rest.slice(rest.position(), (int) size).order(ByteOrder.LITTLE_ENDIAN);
    rest.position(rest.position() + (int) size);
    return switch (datatype) {
      case "BYTES" -> new TensorValues.Texts(texts(name, rows, data));
      case "BOOL" -> {
        double[] flags = numbers(name, datatype, rows, data, 1, ByteBuffer::get);
        String[] texts = new String[rows];
        for (int row = 0; row < rows; row++) {
          texts[row] = Boolean.toString(flags[row] != 0);
        }
        yield new TensorValues.Texts(texts);
      }
      case "UINT8" -> of(name, datatype, rows, data, 1, next -> Byte.toUnsignedInt(next.get()));
      case "INT8" -> of(name, datatype, rows, data, 1, ByteBuffer::get);
      case "UINT16" ->
          of(name, datatype, rows, data, 2, next -> Short.toUnsignedInt(next.getShort()));
      case "INT16" -> of(name, datatype, rows, data, 2, ByteBuffer::getShort);
      case "FP16" ->
          of(name, datatype, rows, data, 2, next -> Float.float16ToFloat(next.getShort()));
      case "UINT32" ->
          of(name, datatype, rows, data, 4, next -> Integer.toUnsignedLong(next.getInt()));
      case "INT32" -> of(name, datatype, rows, data, 4, ByteBuffer::getInt);
      case "FP32" -> of(name, datatype, rows, data, 4, ByteBuffer::getFloat);
      case "UINT64" -> of(name, datatype, rows, data, 8, next -> unsigned(next.getLong()));
      case "INT64" -> of(name, datatype, rows, data, 8, ByteBuffer::getLong);
      case "FP64" -> of(name, datatype, rows, data, 8, ByteBuffer::getDouble);
      default -> throw new IllegalArgumentException(datatype);
    };
  }

  /** Refuses a body that goes on after the last tensor. */
  void requireEnd() {
    if (rest.hasRemaining()) {
      throw new Refusal(
          400,
          "The body has %d bytes more than its JSON and its tensors; correct %s or binary_data_size."
              .formatted(rest.remaining(), HEADER));
    }
  }

  private static TensorValues of(
      String name,
      String datatype,
      int rows,
      ByteBuffer data,
      int width,
      ToDoubleFunction<ByteBuffer> next) {
    return new TensorValues.Numbers(numbers(name, datatype, rows, data, width, next));
  }

  private static double[] numbers(
      String name,
      String datatype,
      int rows,
      ByteBuffer data,
      int width,
      ToDoubleFunction<ByteBuffer> next) {
    if (data.remaining() != rows * width) {
      throw new Refusal(
          400,
          "The input '%s' has %d rows of the datatype %s, which take %d bytes; its binary_data_size is %d."
              .formatted(name, rows, datatype, rows * width, data.remaining()));
    }
    double[] numbers = new double[rows];
    for (int row = 0; row < rows; row++) {
      numbers[row] = next.applyAsDouble(data);
    }
    return numbers;
  }

  private static double unsigned(long bits) {
    // Halved, with the lowest bit kept for rounding: the upper half of the range is negative here.
    return bits >= 0 ? bits : 2.0 * ((bits >>> 1) | (bits & 1));
  }

  private static String[] texts(String name, int rows, ByteBuffer data) {
    String[] texts = new String[rows];
    for (int row = 0; row < rows; row++) {
      int length = data.remaining() < Integer.BYTES ? -1 : data.getInt();
      if (length < 0 || length > data.remaining()) {
        throw new Refusal(
            400,
            "The binary data of the input '%s' ends within row %d; send each value as its length in 4 bytes, little-endian, and that many bytes."
                .formatted(name, row));
      }
      try {
        texts[row] = UTF_8.newDecoder().decode(data.slice(data.position(), length)).toString();
      } catch (CharacterCodingException e) {
        throw new Refusal(
            400, "Row %d of the input '%s' is not UTF-8; send text as UTF-8.".formatted(row, name));
      }
      data.position(data.position() + length);
    }
    if (data.hasRemaining()) {
      throw new Refusal(
          400,
          "The binary data of the input '%s' has %d bytes more than its %d rows; correct its shape or its data."
              .formatted(name, data.remaining(), rows));
    }
    return texts;
  }

  /** The values as a tensor of the datatype BYTES. */
  static byte[] ofTexts(List<String> values) {
    List<byte[]> encoded = values.stream().map(value -> value.getBytes(UTF_8)).toList();
    int size = encoded.stream().mapToInt(value -> Integer.BYTES + value.length).sum();
    ByteBuffer tensor = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    encoded.forEach(value -> tensor.putInt(value.length).put(value));
    return tensor.array();
  }

  /** The values as a tensor of the datatype FP64. */
  static byte[] ofNumbers(double[] values) {
    ByteBuffer tensor =
        ByteBuffer.allocate(values.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    tensor.asDoubleBuffer().put(values);
    return tensor.array();
  }
}
