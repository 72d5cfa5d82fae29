package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.model.batch.Batch;
import retune.runtime.Json;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.steps.drift.DetectDrift;
import tools.jackson.databind.JsonNode;

class DetectDriftTest {
  private static final int REFERENCE_ROWS = 800;

  private final Loop loop = new Loop();

  @TempDir private Path folder;

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void anOrdinaryDayIsQuietAndSaysSoInThePublishedWords() throws IOException {
    String champion = champion();
    DetectDrift.Output found = detect(champion);
    assertFalse(found.overallDriftDetected());
    assertEquals(List.of(), found.findings());
    assertEquals("Nothing differs from the reference by more than chance may.", found.reason());
    assertEquals(0, found.driftedFeatures());
    assertEquals(4, found.totalFeatures());
    assertEquals(REFERENCE_ROWS, found.baselineSamples());
    assertEquals(Loop.ROWS, found.currentSamples());
    assertTrue(found.text().startsWith("=".repeat(80) + "\nDRIFT DETECTION REPORT\n"));
    assertTrue(found.text().contains("\nOverall Drift Detected: NO\n"));
    Document kept = loop.document(DetectDrift.COLLECTION, found.report());
    assertEquals("%s/run/%s".formatted(Loop.BATCH, champion), found.report());
    assertFalse(kept.getBoolean("overall_drift_detected"));
    assertTrue(kept.getString("html").contains("Nothing is beyond its limit"));
  }

  @Test
  void aShiftedColumnIsFirstInTheReportThePageAndTheText() throws IOException {
    String champion = champion();
    writeDay(
        rows -> {
          float[] shifted = rows.features().numbers()[2];
          for (int row = 0; row < shifted.length; row++) {
            shifted[row] += 0.4f;
          }
        });
    Path json = folder.resolve("drift.json");
    Path html = folder.resolve("drift.html");
    DetectDrift.Output found = detect(champion, json.toString(), html.toString());
    assertTrue(found.overallDriftDetected());
    assertEquals(1, found.driftedFeatures());
    assertEquals(25, found.driftPercentage());
    assertEquals(List.of("n2"), List.copyOf(found.features().keySet()));
    assertTrue(found.findings().getFirst().startsWith("n2: mean "), found.findings().toString());
    assertTrue(found.reason().startsWith(found.findings().getFirst()), found.reason());
    assertTrue(found.text().contains("\nOverall Drift Detected: YES\n"));

    JsonNode report = Json.MAPPER.readTree(Files.readString(json));
    assertTrue(report.at("/overall_drift_detected").booleanValue());
    JsonNode drift = report.at("/feature_drift");
    assertEquals("n2", drift.at("/features").propertyNames().iterator().next());
    JsonNode column = drift.at("/features/n2");
    assertTrue(column.at("/psi/psi").doubleValue() > column.at("/psi/threshold").doubleValue());
    assertEquals(
        0.4,
        column.at("/psi/actual_mean").doubleValue() - column.at("/psi/expected_mean").doubleValue(),
        0.15);
    assertTrue(column.at("/ks_test/p_value").doubleValue() < 0.001);
    assertTrue(column.at("/ks_test/drift_detected").booleanValue());
    assertTrue(column.at("/js/js_divergence").doubleValue() > 0);
    assertFalse(drift.at("/features/n1/drift_detected").booleanValue());
    assertFalse(report.at("/prediction_drift/drift_detected").booleanValue());
    assertEquals("2026-11-05T06:00:00Z", report.at("/timestamp").stringValue());

    String page = Files.readString(html);
    assertEquals(page, loop.document(DetectDrift.COLLECTION, found.report()).getString("html"));
    assertTrue(page.indexOf("n2 (PSI") > 0);
    assertEquals(-1, page.indexOf("n1 (PSI"));
  }

  @Test
  void aDayWithoutLabelsIsCompared() throws IOException {
    String champion = champion();
    writeDay(rows -> Arrays.fill(rows.labels(), Target.UNLABELLED));
    assertThrows(InvalidInputException.class, () -> loop.evaluate(champion));
    DetectDrift.Output found = detect(champion);
    assertFalse(found.overallDriftDetected());
    assertEquals(List.of("The labels: the batch has 0 labelled rows."), found.notCompared());
  }

  @Test
  void labelsAndAnswersThatMoveAreDrift() throws IOException {
    String champion = champion();
    writeDay(
        rows -> {
          for (int row = 10; row < 300; row++) {
            rows.labels()[row] = 1;
            rows.features().numbers()[Loop.EXCELLENT][row] = 1;
          }
        });
    DetectDrift.Output found = detect(champion);
    assertTrue(found.predictionDriftDetected());
    assertTrue(found.predictionDrift().getOrDefault("positive_rate_change", 0.0) > 0.2);
    assertTrue(
        found.findings().stream().anyMatch(finding -> finding.startsWith("The label default: ")),
        found.findings().toString());
  }

  @Test
  void anOrdinaryDayHasNoShift() throws IOException {
    DetectDrift.Output found = detect(champion());
    assertEquals("none", found.shift());
    assertTrue(found.shiftReason().startsWith("The 590 labels show no change"), found.text());
    assertTrue(found.text().contains("\nShift: none\n"), found.text());
  }

  @Test
  void labelsOfAnotherRelationAreConceptShiftInTheReportTheTextAndThePage() throws IOException {
    String champion = champion();
    writeDay(
        rows -> {
          for (int row = 10; row < 200; row++) {
            rows.labels()[row] = 1 - rows.labels()[row];
          }
        });
    Path json = folder.resolve("shift.json");
    DetectDrift.Output found = detect(champion, json.toString(), null);
    assertFalse(found.predictionDriftDetected());
    assertEquals("concept_shift", found.shift());
    assertTrue(
        found.shiftReason().startsWith("This looks like concept shift. The share of '1' is "),
        found.shiftReason());
    assertTrue(found.shiftReason().endsWith("Remedy: fine-tune on labels of these days."));
    assertTrue(found.text().contains("\nShift: concept shift\n"), found.text());
    JsonNode shift = Json.MAPPER.readTree(Files.readString(json)).at("/shift");
    assertEquals("concept_shift", shift.at("/kind").stringValue());
    assertEquals(found.shiftReason(), shift.at("/reason").stringValue());
    assertEquals(590, shift.at("/labelled").intValue());
    assertTrue(shift.at("/relation/beyond_shares_p_value").doubleValue() < 1e-4, shift.toString());
    assertEquals("1", shift.at("/class_shares/1/class").stringValue());
    assertFalse(shift.at("/class_shares_estimated").booleanValue());
    Document kept = loop.document(DetectDrift.COLLECTION, found.report());
    assertTrue(kept.getString("html").contains("This looks like concept shift."));
  }

  @Test
  void moreRowsOfAClassAreLabelShift() throws IOException {
    String champion = champion();
    Rows day = Batch.load(loop.context, Loop.BATCH).rows();
    int[] kept =
        IntStream.range(0, day.labels().length)
            .filter(row -> day.labels()[row] == 1 || row % 4 == 0)
            .toArray();
    loop.writeDay(day.select(kept));
    DetectDrift.Output found = detect(champion);
    assertEquals("label_shift", found.shift());
    assertTrue(found.shiftReason().contains("(strategy prior)"), found.shiftReason());
    loop.unlabel();
    DetectDrift.Output unlabelled = detect(champion);
    assertEquals("not_tellable", unlabelled.shift());
    assertTrue(
        unlabelled
            .shiftReason()
            .startsWith(
                "What kind of change it is cannot be told: the batch has no labels. If the rows"
                    + " of each class look as before, the share of '1' is "),
        unlabelled.shiftReason());
  }

  @Test
  void encodedRowsAreReused() throws IOException {
    String champion = champion();
    loop.evaluate(champion);
    long encodings = loop.encodings();
    detect(champion);
    assertEquals(encodings + 1, loop.encodings(), "only the reference is encoded");
    detect(champion);
    assertEquals(encodings + 1, loop.encodings());
  }

  @Test
  void aRunKeepsOneReportAndTheNextRunItsOwn() throws IOException {
    String champion = champion();
    String first = detect(champion).report();
    Document kept = loop.document(DetectDrift.COLLECTION, first);
    assertEquals(first, detect(champion).report());
    assertEquals(kept, loop.document(DetectDrift.COLLECTION, first));
    loop.startRun("again");
    assertEquals(2, List.of(first, detect(champion).report()).stream().distinct().count());
    assertEquals(2, loop.store.collection(DetectDrift.COLLECTION).countDocuments());
  }

  @Test
  void earlierDaysAreTheTrend() throws IOException {
    String champion = champion();
    detect(champion);
    loop.startDay(Loop.DATE.plusDays(1), true);
    assertTrue(detect(champion).overallDriftDetected());
    loop.startDay(Loop.DATE.plusDays(2), false);
    DetectDrift.Output last = detect(champion);
    String page = loop.document(DetectDrift.COLLECTION, last.report()).getString("html");
    assertTrue(
        page.contains("1 of the last 2 days that were compared had drift, from 2026-11-05 on."),
        page);
    Document volume =
        loop.document(DetectDrift.COLLECTION, last.report()).get("volume", Document.class);
    assertEquals(2, volume.getInteger("earlier_days"));
    assertEquals(Loop.ROWS, volume.getInteger("median_of_earlier_days"));
  }

  @Test
  void anEncoderWithoutAHeadStillHasItsInputsCompared() throws IOException {
    loop.writeReference(REFERENCE_ROWS);
    DetectDrift.Output found = detect(loop.registerEncoderOnly());
    assertEquals(Map.of(), found.predictionDrift());
    assertTrue(found.notCompared().getFirst().startsWith("The champion's answers: "));
  }

  @Test
  void aReferenceOfOneClassLeavesOutTheLabelsAlone() throws IOException {
    String champion = loop.register(Loop.EXCELLENT, null, VersionStatus.DEPLOYED);
    Rows rows = Batch.load(loop.context, Loop.BATCH).rows();
    loop.writeReference(new Rows(rows.features(), new int[rows.labels().length], rows.rowHashes()));
    DetectDrift.Output found = detect(champion);
    assertEquals(
        List.of("The labels: the reference has 600 labelled rows of one class."),
        found.notCompared());
    assertNotNull(found.predictionDrift().get("psi"));
    assertEquals("not_tellable", found.shift());
    assertEquals(
        "What kind of change it is cannot be told: the reference has too few labelled rows, or one"
            + " class.",
        found.shiftReason());
  }

  @Test
  void aModelWithoutReferenceIsRefusedWithWhatToDo() {
    String champion = loop.register(Loop.EXCELLENT, null, VersionStatus.DEPLOYED);
    String message = refusal(champion);
    assertTrue(message.startsWith("'credit-default' has no reference rows"), message);
    assertTrue(message.contains("reference.csv") && message.contains("learn_distribution"));
  }

  @Test
  void aReferenceOfAnotherVersionsFeaturesIsRefused() {
    String champion = loop.register(Loop.EXCELLENT, null, VersionStatus.DEPLOYED);
    loop.writeReference(300, "another preprocessing");
    String message = refusal(champion);
    assertTrue(message.contains("were prepared for another version than"), message);
  }

  @Test
  void fewRowsAreRefused() {
    String champion = champion();
    loop.writeBatch(15);
    assertEquals(
        "'%s' has 15 rows; drift is told from chance on at least 20. Compare a batch with more rows."
            .formatted(Loop.BATCH),
        refusal(champion));
  }

  @Test
  void aDayThatIsNotThereIsRefused() {
    String champion = champion();
    LocalDate absent = Loop.DATE.plusDays(9);
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () ->
                new DetectDrift()
                    .run(
                        new DetectDrift.Input(
                            champion, Loop.MODEL + "/" + absent, 0.01, null, null),
                        loop.context));
    assertTrue(String.valueOf(refused.getMessage()).contains("run process_data"));
  }

  private String champion() {
    loop.writeReference(REFERENCE_ROWS);
    return loop.register(Loop.EXCELLENT, null, VersionStatus.DEPLOYED);
  }

  private String refusal(String champion) {
    return String.valueOf(
        assertThrows(InvalidInputException.class, () -> detect(champion)).getMessage());
  }

  private DetectDrift.Output detect(String modelId) throws IOException {
    return detect(modelId, null, null);
  }

  private DetectDrift.Output detect(String modelId, @Nullable String json, @Nullable String html)
      throws IOException {
    return new DetectDrift()
        .run(new DetectDrift.Input(modelId, loop.batch(), 0.01, json, html), loop.context);
  }

  /** Replaces the day by changed rows. */
  private void writeDay(Consumer<Rows> change) {
    Rows rows = Batch.load(loop.context, Loop.BATCH).rows();
    change.accept(rows);
    loop.writeDay(rows);
  }
}
