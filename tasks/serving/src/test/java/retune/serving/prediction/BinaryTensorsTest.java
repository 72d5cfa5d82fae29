package retune.serving.prediction;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.runtime.http.Refusal;

/** Tensors after the JSON, as hexadecimal digits that a reader can check. */
class BinaryTensorsTest {
  private static final String X = "{\"name\":\"x\",\"datatype\":\"%s\",\"shape\":%s%s}";

  @ParameterizedTest
  @CsvSource({
    "UINT8,  02 ff, 2, 255",
    "INT8,   02 ff, 2, -1",
    "UINT16, 0200 ffff, 2, 65535",
    "INT16,  0200 ffff, 2, -1",
    "UINT32, 02000000 ffffffff, 2, 4294967295",
    "INT32,  02000000 ffffffff, 2, -1",
    "UINT64, 0200000000000000 ffffffffffffffff, 2, 1.8446744073709552e19",
    "INT64,  0200000000000000 ffffffffffffffff, 2, -1",
    "FP16,   003c 00c0, 1, -2",
    "FP32,   0000803f 0000c07f, 1, NaN",
    "FP64,   000000000000f03f 00000000000000c0, 1, -2",
  })
  void numbersOfEveryDatatypeAreRead(String datatype, String values, double first, double second) {
    Column x = read(input(datatype, "[2]", values), values).column("x");
    assertArrayEquals(new double[] {first, second}, ((Column.Numbers) x).values());
  }

  @Test
  void flagsAreReadAsJsonHasThem() {
    Column x = read(input("BOOL", "[2,1]", "00 01"), "00 01").column("x");
    assertEquals("false", x.text(0));
    assertEquals("true", x.text(1));
  }

  @Test
  void textsAreLengthAndBytes() {
    String values = "03000000 c3a461 00000000";
    Column x = read(input("BYTES", "[2]", values), values).column("x");
    assertEquals("äa", x.text(0));
    assertEquals("", x.text(1), "which the preprocessing takes for missing");
  }

  @Test
  void tensorsFollowEachOtherBesideOnesInTheJson() {
    String json =
        "{\"name\":\"y\",\"datatype\":\"INT8\",\"shape\":[1],\"data\":[5]},"
            + input("INT8", "[1]", "07")
            + ",{\"name\":\"z\",\"datatype\":\"INT8\",\"shape\":[1],\"parameters\":{\"binary_data_size\":1,\"other\":\"x\"}}";
    Table rows = read(json, "07 09", List.of("x", "y"));
    assertEquals("7", rows.column("x").text(0));
    assertEquals("5", rows.column("y").text(0));
  }

  @Test
  void withoutTheHeaderTheWholeBodyIsJson() {
    byte[] body =
        ("{\"inputs\":[" + X.formatted("FP64", "[1]", ",\"data\":[null]") + "]}").getBytes(UTF_8);
    assertNull(InferenceProtocol.read(body, null).rows(List.of("x")).column("x").text(0));
  }

  static Stream<Arguments> malformed() {
    String eight = "0000000000000000";
    return Stream.of(
        Arguments.of(
            input("FP64", "[2]", eight),
            eight,
            "has 2 rows of the datatype FP64, which take 16 bytes; its binary_data_size is 8"),
        Arguments.of(
            sized("FP64", "[1]", -8), eight, "has the binary_data_size -8, and 8 bytes are left"),
        Arguments.of(
            sized("FP64", "[1]", Long.MAX_VALUE),
            eight,
            "has the binary_data_size 9223372036854775807"),
        Arguments.of(sized("FP64", "[1]", 8), "00", "8, and 1 bytes are left of the body"),
        Arguments.of(
            input("INT8", "[1]", "00"), "00 00 00", "The body has 2 bytes more than its JSON"),
        Arguments.of(input("BYTES", "[1]", "ffffff7f 61"), "ffffff7f 61", "'x' ends within row 0"),
        Arguments.of(input("BYTES", "[1]", "ffffffff 61"), "ffffffff 61", "'x' ends within row 0"),
        Arguments.of(
            input("BYTES", "[2]", "01000000 61 0100"), "01000000 61 0100", "'x' ends within row 1"),
        Arguments.of(
            input("BYTES", "[1]", "01000000 61 62"),
            "01000000 61 62",
            "has 1 bytes more than its 1 rows"),
        Arguments.of(
            input("BYTES", "[1]", "01000000 ff"),
            "01000000 ff",
            "Row 0 of the input 'x' is not UTF-8"),
        Arguments.of(
            X.formatted("INT8", "[1]", ",\"data\":[1],\"parameters\":{\"binary_data_size\":1}"),
            "01",
            "'x' has both data and binary_data_size"),
        Arguments.of(X.formatted("INT8", "[1]", ""), "", "lacks its name, shape, datatype or data"),
        Arguments.of(input("INT8", "[0]", ""), "", "declares the shape [0]; the shape must be"),
        Arguments.of(input("INT8", "[1,2]", "01 02"), "01 02", "declares the shape [1, 2]"),
        Arguments.of(input("INT8", "[]", "01"), "01", "declares the shape []"),
        Arguments.of(input("BF16", "[1]", "0000"), "0000", "the unknown datatype 'BF16'"));
  }

  @ParameterizedTest
  @MethodSource("malformed")
  void malformedTensorsGetASentence(String input, String values, String sentence) {
    Refusal refusal = assertThrows(Refusal.class, () -> read(input, values));
    assertEquals(400, refusal.status());
    assertTrue(refusal.sentence().contains(sentence), refusal.sentence());
  }

  @Test
  void moreRowsThanARequestMayHaveAreRefusedBeforeTheyTakeMemory() {
    Refusal refusal =
        assertThrows(Refusal.class, () -> read(sized("FP64", "[4611686018427387904]", 8), "00"));
    assertEquals(413, refusal.status());
  }

  @ParameterizedTest
  @CsvSource({"-1", "3", "two", "99999999999", "''"})
  void aHeaderThatCannotBeIsRefused(String header) {
    Refusal refusal =
        assertThrows(Refusal.class, () -> InferenceProtocol.read("{}".getBytes(UTF_8), header));
    assertEquals(400, refusal.status());
    assertTrue(
        refusal.sentence().startsWith("The header Inference-Header-Content-Length is '" + header),
        refusal.sentence());
  }

  @Test
  void answersAreWrittenAsRequestsAreRead() {
    assertArrayEquals(hex("02000000 c3a4 00000000"), BinaryTensors.ofTexts(List.of("ä", "")));
    assertArrayEquals(
        hex("000000000000f03f 00000000000000c0"), BinaryTensors.ofNumbers(new double[] {1, -2}));
  }

  private static String input(String datatype, String shape, String values) {
    return sized(datatype, shape, hex(values).length);
  }

  private static String sized(String datatype, String shape, long size) {
    return X.formatted(
        datatype, shape, ",\"parameters\":{\"binary_data_size\":%d}".formatted(size));
  }

  private static Table read(String inputs, String values) {
    return read(inputs, values, List.of("x"));
  }

  private static Table read(String inputs, String values, List<String> columns) {
    byte[] json = ("{\"inputs\":[" + inputs + "]}").getBytes(UTF_8);
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    body.writeBytes(json);
    body.writeBytes(hex(values));
    return InferenceProtocol.read(body.toByteArray(), Integer.toString(json.length)).rows(columns);
  }

  private static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits.replace(" ", ""));
  }
}
