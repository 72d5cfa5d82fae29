package retune.model;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.calibration.Calibrator;
import retune.core.data.FeatureSchema;
import retune.model.ModelVersion.Golden;
import retune.testing.Refusals;

class ModelFolderTest {
  private final ModelFolder.Content model = TestModels.small(1);
  @TempDir Path folder;

  @Test
  void aVersionWithAnArchiveComesBackWhole() throws IOException {
    ModelFolder.Content script = TestModels.script();
    ModelFolder.write(folder, script);
    ModelFolder.Content read = ModelFolder.read(folder, CodeTrust.GRANTED);
    assertEquals(script.version(), read.version());
    assertEquals(script.weights().hash(), read.weights().hash());
  }

  @Test
  void aVersionSurvivesWritingAndReading() throws IOException {
    ModelFolder.write(folder, model);
    ModelFolder.Content read = ModelFolder.read(folder, CodeTrust.REFUSED);
    assertEquals(model.version(), read.version());
    assertEquals(model.weights().hash(), read.weights().hash());
    try (var files = Files.list(folder)) {
      assertEquals(2, files.count(), "nothing temporary stays behind");
    }
  }

  @Test
  void goldenRowsKeepTheirBitsAndTheIdStands() throws IOException {
    Golden golden =
        new Golden(
            new int[][] {{0}, {2}},
            new float[][] {{0.1f}, {1.0000001f}, {-3.4e38f}},
            new float[][] {{Float.MIN_VALUE, 16777216f}});
    ModelVersion version =
        TestModels.version(TestModels.SMALL, TestModels.schema(2, 3), 2, model.weights(), golden);
    ModelFolder.write(folder, new ModelFolder.Content(version, model.weights()));
    Golden read =
        Objects.requireNonNull(ModelFolder.read(folder, CodeTrust.REFUSED).version().golden());
    assertArrayEquals(golden.numbers(), read.numbers());
    assertArrayEquals(golden.logits(), read.logits());
    assertArrayEquals(golden.codes(), read.codes());
  }

  @Test
  void theIdComesFromTheContentAlone() {
    ModelVersion again = TestModels.small(1).version();
    assertEquals(model.version().modelId(), again.modelId());
    assertTrue(again.modelId().matches("toy-[0-9a-f]{12}"), again.modelId());
    assertEquals("20260109_101500", again.modelVersion());
    assertNotEquals(model.version().modelId(), TestModels.small(2).version().modelId());
  }

  @Test
  void aCalibrationIsAnEntryOfItsOwnAndPartOfTheId() throws IOException {
    assertFalse(ModelJson.write(model.version()).contains("calibrat"));
    List<Calibrator> calibrators =
        List.of(
            new Calibrator.Temperature(2.5),
            new Calibrator.Platt(0.75, -1.25),
            new Calibrator.Isotonic(new double[] {-1.0, 0.25}, new double[] {-2.0, 0.5}),
            new Calibrator.Prior(null, new double[] {0.25}),
            new Calibrator.Prior(new Calibrator.Platt(0.75, -1.25), new double[] {0.25}));
    Set<String> ids = new HashSet<>(Set.of(model.version().modelId()));
    for (Calibrator calibrator : calibrators) {
      ModelVersion calibrated = TestModels.calibrated(model.version(), calibrator);
      ModelFolder.write(folder, new ModelFolder.Content(calibrated, model.weights()));
      ModelVersion read = ModelFolder.read(folder, CodeTrust.REFUSED).version();
      assertEquals(calibrated, read);
      assertEquals(0.4, read.uncalibratedThreshold());
      assertEquals(
          calibrator.threshold(0.4).orElseThrow(), read.decisionThreshold(), calibrator.id());
      assertTrue(ids.add(read.modelId()), calibrator.id());
    }
  }

  @Test
  void aCalibrationThatIsNoneIsRefused() throws IOException {
    ModelVersion platt = TestModels.calibrated(model.version(), new Calibrator.Platt(0.75, -1.25));
    ModelFolder.write(folder, new ModelFolder.Content(platt, model.weights()));
    edit("\"slope\" : 0.75", "\"slope\" : 0.5");
    assertRefused("its content is that of toy-");
    edit("\"slope\" : 0.5", "\"slope\" : -0.5");
    assertRefused("The calibration has the slope -0.5 and the intercept -1.25; the slope must be");
    edit("\"method\" : \"platt\"", "\"method\" : \"guess\"");
    assertRefused("is not a model description");

    FeatureSchema schema = TestModels.schema(2, 3);
    Weights weights = TestModels.weights(WeightShapes.of(TestModels.SMALL, schema, 3), 1);
    ModelVersion three = TestModels.version(TestModels.SMALL, schema, 3, weights);
    ModelVersion scaled = TestModels.calibrated(three, new Calibrator.Temperature(2));
    ModelFolder.write(folder, new ModelFolder.Content(scaled, weights));
    assertEquals(scaled, ModelFolder.read(folder, CodeTrust.REFUSED).version());
    Refusals.assertRefused(
        "The calibration is platt, which is for two classes, but the target has 3",
        () -> TestModels.calibrated(three, new Calibrator.Platt(1, 0)));
  }

  @Test
  void aZipOfTheFilesOrOfTheFolderIsReadToo() throws IOException {
    ModelFolder.write(folder, model);
    assertEquals(model.version(), ModelFolder.read(zip(""), CodeTrust.REFUSED).version());
    assertEquals(model.version(), ModelFolder.read(zip("credit/"), CodeTrust.REFUSED).version());
  }

  @Test
  void aFolderWithoutTheMarkerIsNoModel() throws IOException {
    ModelFolder.write(folder, model);
    Files.delete(folder.resolve(ModelFolder.MODEL));
    assertRefused("lacks model.json");
  }

  @Test
  void weightsOfAnotherModelAreRefusedWithBothHashes() throws IOException {
    ModelFolder.write(folder, model);
    Weights other = TestModels.small(2).weights();
    Files.write(folder.resolve(ModelFolder.WEIGHTS), Safetensors.write(other));
    assertRefused(other.hash());
    assertRefused(model.weights().hash());
  }

  @Test
  void weightsWithoutTheHeadAreRefused() throws IOException {
    ModelFolder.write(folder, model);
    var encoder = new TreeMap<>(model.weights().tensors());
    encoder.keySet().removeIf(name -> name.startsWith("fc."));
    Files.write(folder.resolve(ModelFolder.WEIGHTS), Safetensors.write(new Weights(encoder)));
    assertRefused("hash");
  }

  @Test
  void aChangedDescriptionIsRefused() throws IOException {
    ModelFolder.write(folder, model);
    edit("\"decision_threshold\" : 0.4", "\"decision_threshold\" : 0.5");
    assertRefused("its content is that of toy-");
  }

  @Test
  void anUnknownFormatIsRefused() throws IOException {
    ModelFolder.write(folder, model);
    edit("retune.model/1", "retune.model/2");
    assertRefused("has the format 'retune.model/2', but this program reads 'retune.model/1'");
  }

  @Test
  void unknownMissingAndNullFieldsAreRefusedByName() throws IOException {
    ModelFolder.write(folder, model);
    edit("\"strategy\" : \"full\"", "\"surprise\" : 1, \"strategy\" : \"full\"");
    assertRefused("surprise");
    ModelFolder.write(folder, model);
    edit("\"strategy\" : \"full\",", "");
    assertRefused("strategy");
    ModelFolder.write(folder, model);
    edit("\"strategy\" : \"full\"", "\"strategy\" : null");
    assertRefused("strategy");
  }

  @Test
  void aFileThatIsNoZipIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("model.zip"), "hello");
    Refusals.assertRefused(
        "neither a folder nor a readable zip", () -> ModelFolder.read(file, CodeTrust.REFUSED));
  }

  @Test
  void aVersionWithCodeIsReadOnlyIfTheCodeIsTrusted() throws IOException {
    ModelFolder.Content script = TestModels.script();
    ModelFolder.write(folder, script);
    assertRefused(folder + " contains TorchScript, which is code");
    assertEquals(script.version(), ModelFolder.read(folder, CodeTrust.GRANTED).version());
    assertTrue(ModelFolder.holds(folder, script.version()));
  }

  @Test
  void filesThatAreTooLargeAreRefusedUnread() throws IOException {
    ModelFolder.write(folder, model);
    lengthen(ModelFolder.WEIGHTS, BoundedFile.MAX_WEIGHTS + 1);
    assertRefused("weights.safetensors has more than 1,073,741,824 bytes");
    lengthen(ModelFolder.MODEL, BoundedFile.MAX_JSON + 1);
    assertRefused("model.json has more than 67,108,864 bytes");
  }

  @Test
  void anEntryOfAZipIsReadNoFurtherThanItsLimitWhateverItSaysOfItsSize() throws IOException {
    ModelFolder.write(folder, model);
    Files.write(folder.resolve(ModelFolder.MODEL), new byte[(int) BoundedFile.MAX_JSON + 1]);
    Path bomb = zip("");
    assertTrue(Files.size(bomb) < 1 << 20);
    Refusals.assertRefused(
        "model.json has more than 67,108,864 bytes",
        () -> ModelFolder.read(bomb, CodeTrust.REFUSED));
    byte[] bytes = Files.readAllBytes(bomb);
    int entry = new String(bytes, ISO_8859_1).indexOf("PK\1\2");
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(entry + 24, 100);
    Files.write(bomb, bytes);
    Refusals.assertRefused(
        "model.json has more than 67,108,864 bytes",
        () -> ModelFolder.read(bomb, CodeTrust.REFUSED));
  }

  private void lengthen(String name, long size) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(folder.resolve(name).toFile(), "rw")) {
      file.setLength(size);
    }
  }

  private void edit(String from, String to) throws IOException {
    Path file = folder.resolve(ModelFolder.MODEL);
    String text = Files.readString(file);
    assertTrue(text.contains(from), text);
    Files.writeString(file, text.replace(from, to));
  }

  private void assertRefused(String expected) {
    Refusals.assertRefused(expected, () -> ModelFolder.read(folder, CodeTrust.REFUSED));
  }

  private Path zip(String prefix) throws IOException {
    Path file = folder.resolve("model.zip");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file), UTF_8)) {
      for (String name : new String[] {ModelFolder.MODEL, ModelFolder.WEIGHTS}) {
        zip.putNextEntry(new ZipEntry(prefix + name));
        zip.write(Files.readAllBytes(folder.resolve(name)));
      }
    }
    return file;
  }
}
