package retune.steps.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Column;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.audit.ExportBatch.Form;
import retune.testing.TestStore;

class ExportBatchTest {
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final String BATCH = "shop/2026-11-05";
  private static final int ROWS = 1_500;

  @TempDir Path folder;
  private final TestStore store = TestStore.open();

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void rawRowsAreWrittenAsTheyArrived() throws IOException {
    Table table = table();
    store.documents().rawBatches().write("shop", DATE, "d", "run", List.of(table).iterator());
    ExportBatch.Output output = export(Form.RAW);
    assertEquals(ROWS, output.rows());
    assertEquals(3, output.columns());
    assertEquals(
        store.documents().rawBatches().find(BATCH).orElseThrow().contentHash(),
        output.contentHash());
    List<CSVRecord> records = records();
    assertEquals(table.names(), records.getFirst().toList());
    for (int row = 0; row < ROWS; row++) {
      for (int column = 0; column < 3; column++) {
        @Nullable String text = table.columns().get(column).text(row);
        assertEquals(text == null ? "" : text, records.get(row + 1).get(column));
      }
    }
  }

  @Test
  void processedRowsHavePositionHashLabelAndFeatures() throws IOException {
    FeatureSchema schema =
        new FeatureSchema(
            List.of(new FeatureSchema.Categorical("city", 3)), List.of("age", "label"));
    int[] codes = {2, 0};
    float[][] numbers = {{0.1f, -3e8f}, {1, 2}};
    Rows rows =
        new Rows(
            new Features(schema, 2, new int[][] {codes}, numbers),
            new int[] {1, Target.UNLABELLED},
            new long[] {7, Long.MIN_VALUE});
    ProcessedBatch batch =
        new ProcessedBatch(
            BATCH,
            "shop",
            DATE,
            "d",
            "run",
            "c0".repeat(32),
            "raw",
            "p",
            schema,
            2,
            2,
            1,
            Map.of(),
            Map.of());
    store.documents().processedBatches().write(batch, List.of(rows).iterator(), false);
    assertEquals("c0".repeat(32), export(Form.PROCESSED).contentHash());
    assertEquals(
        List.of(
            List.of("row", "row_hash", "label", "city", "age", "label_"),
            List.of("0", "7", "1", "2", "0.1", "1.0"),
            List.of("1", "-9223372036854775808", "", "0", "-3.0E8", "2.0")),
        records().stream().map(CSVRecord::toList).toList());
  }

  @Test
  void aBatchOrAFolderThatIsNotThereIsRefused() {
    assertRefused("There is no raw batch 'shop/2026-11-05'", () -> export(Form.RAW));
    assertRefused("There is no complete processed batch", () -> export(Form.PROCESSED));
    String nowhere = folder.resolve("absent/day.csv").toString();
    assertRefused(
        "give the path of a file in a folder that exists",
        () ->
            new ExportBatch()
                .run(new ExportBatch.Input(BATCH, nowhere, Form.RAW), store.context()));
  }

  private static Table table() {
    @Nullable String[] texts = new @Nullable String[ROWS];
    for (int row = 0; row < ROWS; row++) {
      texts[row] = row % 7 == 0 ? null : "a \"quoted\", text\nof row " + row;
    }
    double[] numbers =
        IntStream.range(0, ROWS)
            .mapToDouble(row -> row % 5 == 0 ? Double.NaN : row / 3.0)
            .toArray();
    double[] labels = IntStream.range(0, ROWS).mapToDouble(row -> row % 2).toArray();
    return new Table(
        List.of(
            new Column.Texts("note", texts),
            new Column.Numbers("amount", numbers),
            new Column.Numbers("bought", labels)));
  }

  private ExportBatch.Output export(Form form) throws IOException {
    return new ExportBatch()
        .run(
            new ExportBatch.Input(BATCH, folder.resolve("day.csv").toString(), form),
            store.context());
  }

  private List<CSVRecord> records() throws IOException {
    try (Reader reader = Files.newBufferedReader(folder.resolve("day.csv"));
        CSVParser parser = CSVFormat.RFC4180.parse(reader)) {
      return new ArrayList<>(parser.getRecords());
    }
  }
}
