package retune.model.importing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.model.Tensor;

class TorchArchiveTest {
  private static final byte[] SIX = TestArchive.floats(0, 1, 2, 3, 4, 5);

  @TempDir private Path folder;

  @Test
  void aTensorIsAViewOfItsStorage() throws IOException {
    assertTensor(new int[] {2, 2}, new float[] {2, 3, 4, 5}, tensor(2, longs(2, 2), longs(2, 1)));
    assertTensor(new int[] {}, new float[] {5}, tensor(5, longs(), longs()));
    assertTensor(new int[] {0, 3}, new float[] {}, tensor(6, longs(0, 3), longs(3, 1)));
  }

  @Test
  void aTransposedTensorIsReadInRowMajorOrder() throws IOException {
    assertTensor(
        new int[] {3, 2}, new float[] {0, 3, 1, 4, 2, 5}, tensor(0, longs(3, 2), longs(1, 3)));
  }

  @Test
  void otherFloatingPointTypesBecomeFloat32() throws IOException {
    byte[] doubles = bytes(16).putDouble(0.1).putDouble(-2).array();
    assertTensor(new int[] {2}, new float[] {0.1f, -2}, vector("DoubleStorage", 2, doubles));
    byte[] halves = bytes(4).putShort((short) 0x3c00).putShort((short) 0xc100).array();
    assertTensor(new int[] {2}, new float[] {1, -2.5f}, vector("HalfStorage", 2, halves));
    byte[] brains = bytes(4).putShort((short) 0x3f80).putShort((short) 0xc020).array();
    assertTensor(new int[] {2}, new float[] {1, -2.5f}, vector("BFloat16Storage", 2, brains));
  }

  @Test
  void archivesOfBigEndianMachinesAreRead() throws IOException {
    byte[] big = TestArchive.floats(ByteOrder.BIG_ENDIAN, 1.5f, -2);
    assertTensor(
        new int[] {2}, new float[] {1.5f, -2}, vector("FloatStorage", 2, big).byteOrder("big"));
    assertRefused("byte order 'middle'", vector("FloatStorage", 2, big).byteOrder("middle"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"LongStorage", "IntStorage", "BoolStorage", "ByteStorage"})
  void wholeNumbersAreNamedWhenTheirTensorIsAskedFor(String storage) throws IOException {
    ElementType type = ElementType.ofStorage("torch." + storage).orElseThrow();
    TestArchive archive = vector(storage, 2, new byte[2 * type.size()]);
    try (Checkpoint checkpoint = Checkpoint.open(archive.write(folder.resolve("a.pth")))) {
      assertEquals("[2] of " + type, String.valueOf(checkpoint.entries().get("weight")));
    }
    assertRefused("a tensor 'weight' that holds " + type, archive);
  }

  @Test
  void aNumberThatFloat32CannotHoldIsRefused() throws IOException {
    byte[] doubles = bytes(8).putDouble(1e300).array();
    assertRefused("'weight' that holds 1.0E300", vector("DoubleStorage", 1, doubles));
  }

  @Test
  void anUnknownStorageTypeIsRefusedByName() throws IOException {
    assertRefused("'torch.ComplexFloatStorage'", vector("ComplexFloatStorage", 2, new byte[16]));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 2;3, 3;1", // one too far
    "-1, 2, 1",
    "0, -2, 1",
    "0, 6, -1",
    "0, 7, 0", // more numbers than there are
    "0, 2;2, 1",
    "9223372036854775807, 2, 9223372036854775807",
    "0, 9223372036854775807;9223372036854775807, 1;1",
    "0, 65536;65536, 1;1",
    "0, 3, 3037000500",
  })
  void aViewThatLeavesItsStorageIsRefused(String offset, String shape, String strides)
      throws IOException {
    assertRefused(
        "that reaches outside its storage of 6 numbers",
        tensor(Long.parseLong(offset), longs(shape), longs(strides)));
  }

  @Test
  void aStorageOfAnotherSizeThanDeclaredIsRefused() throws IOException {
    assertRefused("24 bytes for the tensor 'weight'", vector("FloatStorage", 7, SIX));
    assertRefused("24 bytes for the tensor 'weight'", vector("FloatStorage", 1L << 27, SIX));
    assertRefused("numbers in total; the limit is", vector("FloatStorage", 1L << 62, SIX));
    assertRefused(
        "has tensors of 1,099,511,627,776 numbers in total; the limit is",
        TestArchive.oneTensor(
            "FloatStorage", 1L << 40, 0, longs(65_536, 65_536), longs(65_536, 1), SIX));
    assertRefused(
        "lacks the entry archive/data/0",
        new TestArchive().pickle(oneVector("FloatStorage", 6)).storage("1", SIX));
  }

  @Test
  void aForbiddenNameIsRefusedAndNothingRuns() throws IOException {
    Path trace = folder.resolve("trace");
    byte[] pickle =
        new PickleText().global("posix", "system").text("touch " + trace).raw(0x85, 'R').end();
    assertRefused("refers to 'posix.system'", new TestArchive().pickle(pickle));
    assertTrue(Files.notExists(trace));
  }

  @Test
  void aPersistentIdThatIsNoStorageIsRefused() throws IOException {
    byte[] pickle = new PickleText().text("/etc/passwd").raw('Q').end();
    assertRefused("persistent id", new TestArchive().pickle(pickle));
  }

  @Test
  void aStorageOutsideTheArchivesFolderIsNotFound() throws IOException {
    byte[] pickle =
        new PickleText()
            .raw('}')
            .text("weight")
            .tensor("FloatStorage", "../../../etc/passwd", 6, 0, longs(6), longs(1))
            .raw('s')
            .end();
    assertRefused("lacks the entry", new TestArchive().pickle(pickle).storage("0", SIX));
  }

  @Test
  void compressedEntriesAreRefusedSoNothingUnpacksToMoreThanWasGiven() throws IOException {
    TestArchive bomb = vector("FloatStorage", 2_500_000, new byte[10_000_000]);
    Path file = bomb.write(folder.resolve("bomb.pth"), ZipEntry.DEFLATED);
    assertTrue(Files.size(file) < 20_000);
    assertRefused("compressed entry archive/data.pkl", file);
  }

  @Test
  void entriesThatShareTheirBytesAreRefused() throws IOException {
    Path file = vector("FloatStorage", 6, SIX).storage("1", SIX).write(folder.resolve("a.pth"));
    byte[] zip = Files.readAllBytes(file);
    // The central directory's size of the last entry: 24 bytes become 2 GB.
    String text = new String(zip, ISO_8859_1);
    int header = text.lastIndexOf("PK\1\2");
    for (int field : new int[] {20, 24}) {
      ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN).putInt(header + field, 2_000_000_000);
    }
    Files.write(file, zip);
    assertRefused("although the file has only", file);
  }

  @Test
  void aFlippedBitIsFoundByTheChecksum() throws IOException {
    Path file = vector("FloatStorage", 6, SIX).write(folder.resolve("a.pth"));
    byte[] zip = Files.readAllBytes(file);
    int at = new String(zip, ISO_8859_1).indexOf(new String(SIX, ISO_8859_1));
    zip[at + 5] ^= 1;
    Files.write(file, zip);
    assertRefused("archive/data/0 that does not match its checksum", file);
  }

  @Test
  void everyTruncationOfARealFileIsRefused() throws IOException {
    byte[] whole = Fixtures.bytes("state_dict.pth");
    Path file = folder.resolve("short.pth");
    for (int length = 4; length < whole.length; length += 997) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertRefused("is a damaged or truncated zip", file);
    }
  }

  @Test
  void filesOfOtherKindsAreNamed() throws IOException {
    assertRefused("is empty", file(new byte[0]));
    assertRefused("is neither a zip", file("weights".getBytes(UTF_8)));
    assertRefused("is neither a zip", file(new byte[100]));
    assertRefused("is a bare pickle", file(new PickleText().raw('N').end()));
    assertRefused("format of PyTorch before 1.6", file(Fixtures.bytes("legacy.pth")));
    byte[] tar = new byte[512];
    System.arraycopy("ustar".getBytes(UTF_8), 0, tar, 257, 5);
    assertRefused("is a tar", file(tar));
    assertRefused("a zip that PyTorch did not write", new TestArchive().entry("readme", SIX));
    byte[] pickle = oneVector("FloatStorage", 6);
    assertRefused("2 entries", new TestArchive().pickle(pickle).entry("other/data.pkl", pickle));
  }

  @Test
  void aWholeModuleIsRefusedByItsClass() throws IOException {
    assertRefused("refers to 'family.Classifier'", file(Fixtures.bytes("whole_module.pth")));
  }

  @Test
  void whatIsNoStateDictIsNamed() throws IOException {
    assertRefused("holds no state dict", new TestArchive().pickle(new PickleText().raw('N').end()));
    assertRefused("holds no tensors", new TestArchive().pickle(new PickleText().raw('}').end()));
    byte[] mixed = new PickleText().raw('}').text("epoch").raw('K', 3, 's').end();
    assertRefused("values other than tensors", new TestArchive().pickle(mixed));
    byte[] endless = new PickleText().raw('}', 'q', 0).text("model").raw('h', 0, 's').end();
    assertRefused("values other than tensors", new TestArchive().pickle(endless));
  }

  @Test
  void modulesThatHoldThemselvesAreRefused() throws IOException {
    byte[] pickle =
        module(new PickleText()).raw('q', 0, '}').text("self").raw('h', 0, 's', 'b').end();
    assertRefused("name is longer than 1000", script(pickle));
  }

  @Test
  void modulesThatAreSharedWithoutEndAreRefused() throws IOException {
    PickleText pickle = module(new PickleText()).raw('q', 0);
    for (int level = 1; level < 20; level++) {
      module(pickle)
          .raw('}')
          .text("a")
          .raw('h', level - 1, 's')
          .text("b")
          .raw('h', level - 1, 's', 'b');
      pickle.raw('q', level);
    }
    assertRefused("more than 10000 modules", script(pickle.end()));
  }

  @Test
  void aPickleOfManyMegabytesIsRefused() throws IOException {
    byte[] pickle = new byte[5 << 20];
    assertRefused("archive/data.pkl of 5242880 bytes", new TestArchive().pickle(pickle));
  }

  @Test
  void tensorsThatShareAStorageAreNotReadBeyondTheLargestModel() throws IOException {
    assertRefused(
        "has tensors of 4,000,000,000 numbers in total; the limit is 268,435,456",
        sharing(1000, 4_000_000, 4_000_000));
  }

  @Test
  void aStorageIsReadOnceHoweverManyTensorsAreInIt() throws IOException {
    Path file = sharing(4000, 4_000_000, 8).write(folder.resolve("a.pth"));
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          try (Checkpoint checkpoint = Checkpoint.open(file)) {
            for (String name : checkpoint.entries().keySet()) {
              assertEquals(8, checkpoint.tensor(name).values().length);
            }
          }
        });
  }

  /** Tensors of one storage, each the storage's first numbers. */
  private static TestArchive sharing(int tensors, int elements, int size) {
    PickleText pickle = new PickleText().raw('}');
    for (int tensor = 0; tensor < tensors; tensor++) {
      pickle
          .text("tensor" + tensor)
          .tensor("FloatStorage", "0", elements, 0, longs(size), longs(1))
          .raw('s');
    }
    return new TestArchive().pickle(pickle.end()).storage("0", new byte[elements * Float.BYTES]);
  }

  private static TestArchive tensor(long offset, long[] shape, long[] strides) {
    return TestArchive.oneTensor("FloatStorage", 6, offset, shape, strides, SIX);
  }

  private static TestArchive vector(String storageType, long size, byte[] content) {
    return TestArchive.oneTensor(storageType, size, 0, longs(size), longs(1), content);
  }

  private static byte[] oneVector(String storageType, long size) {
    return new PickleText()
        .raw('}')
        .text("weight")
        .tensor(storageType, "0", size, 0, longs(size), longs(1))
        .raw('s')
        .end();
  }

  private static PickleText module(PickleText pickle) {
    return pickle.global("__torch__", "Net").raw(')', 0x81);
  }

  private static TestArchive script(byte[] pickle) {
    return new TestArchive().pickle(pickle).entry("archive/constants.pkl", new byte[0]);
  }

  private static long[] longs(long... values) {
    return values;
  }

  private static long[] longs(String values) {
    return List.of(values.split(";")).stream().mapToLong(Long::parseLong).toArray();
  }

  private static ByteBuffer bytes(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private Path file(byte[] content) throws IOException {
    return Files.write(folder.resolve("file"), content);
  }

  private void assertTensor(int[] shape, float[] values, TestArchive archive) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(archive.write(folder.resolve("a.pth")))) {
      Tensor tensor = checkpoint.tensor("weight");
      assertArrayEquals(shape, tensor.shape());
      assertArrayEquals(values, tensor.values());
    }
  }

  private void assertRefused(String expected, TestArchive archive) throws IOException {
    assertRefused(expected, archive.write(folder.resolve("a.pth")));
  }

  private static void assertRefused(String expected, Path file) {
    RefusedException refusal =
        assertThrows(
            RefusedException.class,
            () -> {
              try (Checkpoint checkpoint = Checkpoint.open(file)) {
                checkpoint.tensor(checkpoint.entries().firstKey());
              }
            });
    assertTrue(String.valueOf(refusal.getMessage()).contains(expected), refusal.getMessage());
  }
}
