package retune.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static retune.testing.Refusals.assertRefused;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
  private static final Weights TWO =
      new Weights(
          new TreeMap<>(
              Map.of(
                  "a", new Tensor(new int[] {2, 2}, new float[] {1, -2, 3.5f, Float.MIN_VALUE}),
                  "b", new Tensor(new int[] {}, new float[] {7}))));

  @Test
  void tensorsSurviveWritingAndReadingBitByBit() {
    Weights read = Safetensors.read(Safetensors.write(TWO), "file");
    assertEquals(TWO.tensors().keySet(), read.tensors().keySet());
    assertEquals(TWO.hash(), read.hash());
    assertArrayEquals(TWO.get("a").values(), read.get("a").values());
    assertArrayEquals(new int[0], read.get("b").shape());
  }

  @Test
  void bytesAreThoseOfTheReferenceImplementation() {
    // safetensors.numpy.save({"a": numpy.float32([1, 2])}), whose header is padded to 8 bytes
    byte[] expected =
        file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  ", 1, 2);
    Weights weights =
        new Weights(new TreeMap<>(Map.of("a", new Tensor(new int[] {2}, new float[] {1, 2}))));
    byte[] written = Safetensors.write(weights);
    assertEquals(0, ByteBuffer.wrap(written).order(ByteOrder.LITTLE_ENDIAN).getLong() % 8);
    assertArrayEquals(expected, written);
  }

  @Test
  void anArchiveStandsBehindTheTensorsAndCountsInTheHashes() {
    Weights weights = TestModels.script().weights();
    byte[] written = Safetensors.write(weights);
    Weights read = Safetensors.read(written, "file");
    assertArrayEquals(new byte[] {1, 2, 3, -4, 5}, Objects.requireNonNull(read.archive()).bytes());
    assertEquals(weights.hash(), read.hash());
    assertEquals(weights.encoderHash(), read.encoderHash());

    written[written.length - 1]++;
    Weights changed = Safetensors.read(written, "file");
    assertNotEquals(weights.hash(), changed.hash());
    assertNotEquals(weights.encoderHash(), changed.encoderHash());
    assertRefused(
        "has 92 bytes of tensors where its header names 93",
        () -> Safetensors.read(Arrays.copyOf(written, written.length - 1), "file"));
  }

  @Test
  void metadataIsAllowedAndIgnored() {
    byte[] file =
        file(
            "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
            5);
    assertArrayEquals(new float[] {5}, Safetensors.read(file, "file").get("a").values());
  }

  @Test
  void everyTruncationIsRefused() {
    byte[] whole = Safetensors.write(TWO);
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      assertRefused("w.safetensors ", () -> Safetensors.read(part, "w.safetensors"));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          [1]                                                              | not a JSON object
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}            | not JSON
          {"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}           | dtype F16; only F32
          {"a":{"shape":[1],"data_offsets":[0,4]}}                         | dtype missing
          {"a":{"dtype":"F32","data_offsets":[0,4]}}                       | lacks the shape
          {"a":{"dtype":"F32","shape":[1]}}                                | lacks the data_offsets
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}           | not [begin, end]
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}           | its shape needs 8
          {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}          | has -1 in the shape
          {"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}         | has 1.5 in the shape
          {"a":{"dtype":"F32","shape":[65536,65536,4],"data_offsets":[0,4]}} | more than 2 GB
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}           | has a gap
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | not JSON
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | has an overlap
          {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}           | has 8 bytes of tensors
          """)
  void aHeaderThatDoesNotFitItsBytesIsRefused(String header, String expected) {
    assertRefused(expected, () -> Safetensors.read(file(header, 1, 2), "file"));
  }

  private static byte[] file(String header, float... values) {
    byte[] json = header.getBytes(UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + json.length + 4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length).put(json);
    for (float value : values) {
      file.putFloat(value);
    }
    return file.array();
  }
}
