package retune.model.trees;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import retune.core.InvalidInputException;

/**
 * The part of Universal Binary JSON (ubjson.org, draft 12) that XGBoost writes. Objects are maps,
 * arrays of one type of number are {@code double[]}, other arrays are lists; numbers are {@link
 * Double} or {@link Long}.
 */
final class Ubjson {
  private static final int MAX_NESTING = 32;

  private final ByteBuffer bytes;
  private final String source;

  private Ubjson(byte[] bytes, String source) {
    this.bytes = ByteBuffer.wrap(bytes);
    this.source = source;
  }

  /**
   * Reads a whole file.
   *
   * @param source the file's name, for the message
   * @throws InvalidInputException if it is damaged
   */
  static Object read(byte[] bytes, String source) {
    Ubjson reader = new Ubjson(bytes, source);
    try {
      Object value = reader.value(reader.marker(), 0);
      if (reader.bytes.hasRemaining()) {
        throw reader.damaged("has bytes after its end");
      }
      return value;
    } catch (BufferUnderflowException e) {
      throw reader.damaged("ends too early");
    }
  }

  private Object value(char marker, int nesting) {
    if (nesting > MAX_NESTING) {
      throw damaged("is nested too deeply");
    }
    return switch (marker) {
      case '{' -> object(nesting);
      case '[' -> array(nesting);
      case 'S' -> text(length(marker()));
      case 'C' -> Character.toString(marker());
      case 'T' -> true;
      case 'F' -> false;
      case 'Z' -> "";
      case 'd', 'D' -> number(marker);
      default -> integer(marker);
    };
  }

  private Map<String, Object> object(int nesting) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (char marker = marker(); marker != '}'; marker = marker()) {
      String key = text(length(marker));
      object.put(key, value(marker(), nesting + 1));
    }
    return object;
  }

  private Object array(int nesting) {
    char marker = marker();
    if (marker == '$') {
      char type = marker();
      if (marker() != '#') {
        throw damaged("has an array without a length");
      }
      return numbers(type, length(marker()));
    }
    List<Object> array = new ArrayList<>();
    if (marker == '#') {
      int length = length(marker());
      for (int i = 0; i < length; i++) {
        array.add(value(marker(), nesting + 1));
      }
      return array;
    }
    for (; marker != ']'; marker = marker()) {
      array.add(value(marker, nesting + 1));
    }
    return array;
  }

  /** Reads nothing before it knows that the file is long enough. */
  private double[] numbers(char type, int length) {
    if ((long) length * size(type) > bytes.remaining()) {
      throw new BufferUnderflowException();
    }
    double[] numbers = new double[length];
    for (int i = 0; i < length; i++) {
      numbers[i] = number(type);
    }
    return numbers;
  }

  private double number(char type) {
    return switch (type) {
      case 'd' -> bytes.getFloat();
      case 'D' -> bytes.getDouble();
      default -> integer(type);
    };
  }

  private long integer(char type) {
    return switch (type) {
      case 'i' -> bytes.get();
      case 'U' -> bytes.get() & 0xFF;
      case 'I' -> bytes.getShort();
      case 'l' -> bytes.getInt();
      case 'L' -> bytes.getLong();
      default -> throw damaged("has the unknown type '" + type + "'");
    };
  }

  private int size(char type) {
    return switch (type) {
      case 'i', 'U' -> Byte.BYTES;
      case 'I' -> Short.BYTES;
      case 'l', 'd' -> Integer.BYTES;
      case 'L', 'D' -> Long.BYTES;
      default -> throw damaged("has the unknown type '" + type + "'");
    };
  }

  private int length(char type) {
    long length = integer(type);
    if (length < 0 || length > bytes.limit()) {
      throw damaged("states the length " + length);
    }
    return (int) length;
  }

  private String text(int length) {
    if (length > bytes.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] text = new byte[length];
    bytes.get(text);
    return new String(text, UTF_8);
  }

  private char marker() {
    return (char) (bytes.get() & 0xFF);
  }

  private InvalidInputException damaged(String what) {
    return new InvalidInputException(
        "%s %s at byte %d of %d; the file is damaged or cut short, so copy it again."
            .formatted(source, what, bytes.position(), bytes.limit()));
  }

  /**
   * Writes maps, lists, texts, whole numbers, and arrays of {@code int}, {@code long}, {@code
   * float} or {@code byte}. The same value gives the same bytes.
   */
  static byte[] write(Object value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream stream = new DataOutputStream(bytes)) {
      write(value, stream);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // writing to memory does not fail
    }
    return bytes.toByteArray();
  }

  private static void write(Object value, DataOutputStream stream) throws IOException {
    switch (value) {
      case Map<?, ?> object -> {
        stream.writeByte('{');
        for (Map.Entry<?, ?> entry : object.entrySet()) {
          writeText((String) entry.getKey(), stream);
          write(entry.getValue(), stream);
        }
        stream.writeByte('}');
      }
      case List<?> list -> {
        stream.writeByte('[');
        stream.writeByte('#');
        writeLength(list.size(), stream);
        for (Object element : list) {
          write(element, stream);
        }
      }
      case String text -> {
        stream.writeByte('S');
        writeText(text, stream);
      }
      case Integer number -> {
        stream.writeByte('l');
        stream.writeInt(number);
      }
      case int[] numbers -> {
        begin('l', numbers.length, stream);
        for (int number : numbers) {
          stream.writeInt(number);
        }
      }
      case long[] numbers -> {
        begin('L', numbers.length, stream);
        for (long number : numbers) {
          stream.writeLong(number);
        }
      }
      case float[] numbers -> {
        begin('d', numbers.length, stream);
        for (float number : numbers) {
          stream.writeFloat(number);
        }
      }
      case byte[] numbers -> {
        begin('U', numbers.length, stream);
        stream.write(numbers);
      }
      default -> throw new IllegalArgumentException("cannot write " + value.getClass());
    }
  }

  private static void begin(char type, int length, DataOutputStream stream) throws IOException {
    stream.writeByte('[');
    stream.writeByte('$');
    stream.writeByte(type);
    stream.writeByte('#');
    writeLength(length, stream);
  }

  private static void writeLength(long length, DataOutputStream stream) throws IOException {
    stream.writeByte('L');
    stream.writeLong(length);
  }

  private static void writeText(String text, DataOutputStream stream) throws IOException {
    byte[] bytes = text.getBytes(UTF_8);
    writeLength(bytes.length, stream);
    stream.write(bytes);
  }
}
