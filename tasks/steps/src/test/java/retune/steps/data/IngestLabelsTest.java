package retune.steps.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertNotReady;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Feedback;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.steps.ToyModel;
import retune.testing.TestContext;

class IngestLabelsTest {
  private static final String MODEL = "churn";
  private static final LocalDate FIRST = LocalDate.parse("2026-10-01");
  private static final LocalDate SECOND = LocalDate.parse("2026-10-02");
  private static final int NO = 0;
  private static final int YES = 1;
  private static final int NONE = Target.UNLABELLED;

  @TempDir Path folder;
  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  private final TestContext context = TestContext.of(store);

  @BeforeEach
  void install() throws IOException {
    ModelFolder.Content model = ToyModel.of(MODEL);
    new ModelStore(store).register(model.version(), model.weights(), VersionStatus.APPROVED);
    new Champions(store).install(MODEL, model.version().modelId());
    ingest(FIRST, "id,c0,c1,n0\n007,0,1,0.5\n8,1,2,1.5\n9,2,3,many\n10,0,0,2.5\n");
    ingest(SECOND, "id,c0,c1,n0,label\n11,0,1,0.5,\n12,1,2,1.5,no\n");
  }

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void labelsFindTheirRowsByKeyAcrossDaysInAnyOrder() throws IOException {
    IngestLabels.Output output = labels("label,id\nno,11\n\"yes, please\",8\nno,007\n");
    assertEquals(
        List.of(
            new IngestLabels.Day(FIRST, 3, 2, 2 / 3.0, 35, 2, 0, 0),
            new IngestLabels.Day(SECOND, 2, 2, 1, 34, 1, 0, 0)),
        output.days());
    assertEquals(
        List.of(3, 0, 0, true),
        List.of(output.newLabels(), output.same(), output.corrected(), output.changed()));
    assertArrayEquals(new int[] {NO, YES, NONE}, process(FIRST));
    assertArrayEquals(new int[] {NO, NO}, process(SECOND));
  }

  @Test
  void theKeyIsNoFeatureAndIsKeptAsItIsWritten() throws IOException {
    labels("id,label\n7,no\n");
    assertArrayEquals(new int[] {NONE, NONE, NONE}, process(FIRST));
    labels("id,label\n007,no\n");
    assertArrayEquals(new int[] {NO, NONE, NONE}, process(FIRST));
    assertEquals(List.of("c0", "c1", "n0"), batch(FIRST).schema().names());
    assertEquals(Map.of(), batch(FIRST).outcomes());
  }

  @Test
  void theSameFileAgainChangesNothing() throws IOException {
    String file = "id,label\n8,no\n11,no\n";
    assertTrue(labels(file).changed());
    process(FIRST);
    String before = batch(FIRST).contentHash();
    IngestLabels.Output again = labels(file);
    assertEquals(List.of(false, 0, 2), List.of(again.changed(), again.newLabels(), again.same()));
    assertEquals(1, arrivals().size());
    process(FIRST);
    assertEquals(before, batch(FIRST).contentHash());
  }

  @Test
  void aCorrectionKeepsTheEarlierValueAndWhenItCame() throws IOException {
    labels("id,label\n8,no\n12,no\n", TestContext.NOW);
    IngestLabels.Output output =
        labels("id,label\n8,\"yes, please\"\n12,\"yes, please\"\n", TestContext.NOW.plusSeconds(9));
    assertEquals(List.of(0, 2), List.of(output.newLabels(), output.corrected()));
    assertArrayEquals(new int[] {NONE, YES, NONE}, process(FIRST));
    assertArrayEquals(new int[] {NONE, YES}, process(SECOND));
    LateLabels late = store.lateLabels();
    assertEquals(
        List.of(Map.of("8", "no"), Map.of("8", "yes, please")),
        arrivals().stream().map(arrival -> late.labels(MODEL, arrival, FIRST)).toList());
    assertEquals(2, arrivals().size());
  }

  @Test
  void anEarlierFileThatComesAgainDoesNotUndoACorrection() throws IOException {
    labels("id,label\n8,no\n");
    labels("id,label\n8,\"yes, please\"\n");
    IngestLabels.Output again = labels("id,label\n8,no\n");
    assertEquals(List.of(false, 1), List.of(again.changed(), again.superseded()));
    assertTrue(
        again.message().contains("1 of its labels were corrected since and stay so"),
        again.message());
    assertArrayEquals(new int[] {NONE, YES, NONE}, process(FIRST));
  }

  @Test
  void whatCannotBeTakenIsCountedAndNamedAndTheRestIsTaken() throws IOException {
    ingest(LocalDate.parse("2026-10-03"), "id,c0,c1,n0\n10,0,1,0.5\n");
    IngestLabels.Output output =
        labels(
            """
            id,label
            8,no
            404,no
            9,no
            007,maybe
            10,no
            11,no
            11,"yes, please"
            12,
            405,no
            """);
    assertEquals(1, output.newLabels() - output.filtered());
    assertEquals(
        Map.of(
            "unknown_keys", List.of("404", "405"),
            "unknown_classes", List.of("'maybe' of 007"),
            "ambiguous_keys", List.of("10"),
            "contradicting", List.of("11"),
            "filtered", List.of("9")),
        output.examples());
    assertEquals(
        List.of(2, 1, 1, 1, 1, 1),
        List.of(
            output.unknownKeys(),
            output.unknownClasses(),
            output.ambiguousKeys(),
            output.contradicting(),
            output.filtered(),
            output.empty()));
    assertArrayEquals(new int[] {NONE, NO, NONE}, process(FIRST));
  }

  @Test
  void labelsThatCameBeforeTheirRowsAreTakenWhenTheFileComesAgain() throws IOException {
    String file = "id,label\n8,no\n20,no\n";
    assertEquals(1, labels(file).unknownKeys());
    LocalDate third = LocalDate.parse("2026-10-03");
    ingest(third, "id,c0,c1,n0\n20,0,1,0.5\n");
    IngestLabels.Output again = labels(file);
    assertEquals(List.of(1, 1, 0), List.of(again.newLabels(), again.same(), again.unknownKeys()));
    assertArrayEquals(new int[] {NO}, process(third));
    assertArrayEquals(new int[] {NONE, NO, NONE}, process(FIRST));
  }

  @Test
  void feedbackIsTakenOnceItsRowsAreThereAndTheLastOneOfARowCounts() throws IOException {
    send("8", "no", 1);
    send("8", "yes, please", 2);
    send("20", "no", 3);
    send("12", "maybe", 4);
    IngestLabels.Output output = feedback();
    assertEquals(
        List.of(1, 1, 1),
        List.of(output.newLabels(), output.unknownKeys(), output.unknownClasses()));
    assertArrayEquals(new int[] {NONE, YES, NONE}, process(FIRST));

    IngestLabels.Output again = feedback();
    assertEquals(List.of(false, 0, 1), List.of(again.changed(), again.same(), again.unknownKeys()));
    LocalDate third = LocalDate.parse("2026-10-03");
    ingest(third, "id,c0,c1,n0\n20,0,1,0.5\n");
    assertEquals(1, feedback().newLabels());
    assertArrayEquals(new int[] {NO}, process(third));
  }

  @Test
  void feedbackCorrectsAnEarlierFile() throws IOException {
    labels("id,label\n8,no\n");
    Instant afterwards = Instant.now().plusSeconds(1);
    store.feedback().add(MODEL, List.of(new Feedback.Label("8", "yes, please", "ops", afterwards)));
    assertEquals(1, feedback().corrected());
    assertArrayEquals(new int[] {NONE, YES, NONE}, process(FIRST));
    assertEquals(
        List.of(Map.of("8", "no"), Map.of("8", "yes, please")),
        arrivals().stream()
            .map(arrival -> store.lateLabels().labels(MODEL, arrival, FIRST))
            .toList(),
        "both stay on record");
  }

  @Test
  void feedbackDoesNotUndoWhatALaterFileCorrected() throws IOException {
    send("8", "yes, please", 1);
    feedback();
    labels("id,label\n8,no\n");
    assertFalse(feedback().changed());
    assertArrayEquals(new int[] {NONE, NO, NONE}, process(FIRST));
  }

  @Test
  void feedbackThatComesWhileEarlierIsTakenIsTakenNextTime() throws IOException {
    send("8", "yes, please", 1);
    feedback();
    Instant afterReading = TestContext.NOW.plusMillis(1);
    store.feedback().add(MODEL, List.of(new Feedback.Label("8", "no", null, afterReading)));
    assertEquals(1, feedback().corrected());
    assertArrayEquals(new int[] {NONE, NO, NONE}, process(FIRST));
  }

  @Test
  void noFeedbackIsNoFailure() throws IOException {
    assertEquals(List.of(false, 0), List.of(feedback().changed(), feedback().rows()));
  }

  private void send(String key, String label, int number) {
    Instant at = Instant.parse("2026-10-02T10:00:00Z").plusSeconds(number);
    store.feedback().add(MODEL, List.of(new Feedback.Label(key, label, null, at)));
  }

  private IngestLabels.Output feedback() throws IOException {
    return new IngestLabels()
        .run(new IngestLabels.Input(MODEL, "feedback", null, null, FIRST), context);
  }

  @Test
  void aFileThatStoppedBeforeItCountedIsTakenWholeByTheNextTry() throws IOException {
    LateLabels late = store.lateLabels();
    late.write(MODEL, FIRST, "half", Map.of("8", "no"));
    assertArrayEquals(new int[] {NONE, NONE, NONE}, process(FIRST));
    assertEquals(1, labels("id,label\n8,no\n").newLabels());
    assertArrayEquals(new int[] {NONE, NO, NONE}, process(FIRST));
  }

  @Test
  void twoFilesAtOnceBothCount() throws IOException {
    LateLabels late = store.lateLabels();
    String token = LateLabels.token(List.of(), "0123456789abcdef0");
    int parts = late.write(MODEL, FIRST, token, Map.of("007", "no"));
    List<LateLabels.Day> days = List.of(new LateLabels.Day(FIRST, 3, 1, 1, 0, 0, parts));
    assertTrue(late.publish(MODEL, 1, "0123456789abcdef0", token, days, new Document()));
    assertFalse(late.publish(MODEL, 1, "another", token, days, new Document()));
    labels("id,label\n8,no\n");
    assertArrayEquals(new int[] {NO, NO, NONE}, process(FIRST));
  }

  @Test
  void rowsThatAreIngestedAgainKeepTheirLabelsByKey() throws IOException {
    labels("id,label\n8,\"yes, please\"\n");
    ingest(FIRST, "id,c0,c1,n0\n8,1,2,1.5\n21,0,1,0.5\n");
    assertArrayEquals(new int[] {YES, NONE}, process(FIRST));
  }

  @Test
  void aLabelOfAPersonTakesThePlaceOfAModels() throws IOException {
    ingest(FIRST, "id,c0,c1,n0,label,label_source,confidence\n8,1,2,1.5,no,gpt,0.9\n");
    assertArrayEquals(new int[] {NONE}, process(FIRST));
    assertEquals(1, labels("id,label\n8,\"yes, please\"\n").newLabels());
    assertArrayEquals(new int[] {YES}, process(FIRST));
  }

  @Test
  void rowsWithoutLateLabelsHaveTheContentThatTheyHadWithoutAKey() throws IOException {
    process(SECOND);
    String keyed = batch(SECOND).contentHash();
    assertEquals("", batch(SECOND).lateLabels());
    labels("id,label\n11,no\n");
    process(SECOND);
    assertNotEquals(keyed, batch(SECOND).contentHash());
    assertNotEquals("", batch(SECOND).lateLabels());
  }

  @Test
  void columnsOfOtherNamesAndADateInTheNameAreTaken() throws IOException {
    Files.writeString(folder.resolve("2026-10-09.csv"), "customer;truth\n8;no\n");
    IngestLabels.Output output =
        new IngestLabels()
            .run(
                new IngestLabels.Input(
                    MODEL,
                    folder + "/{date}.csv",
                    "customer",
                    "truth",
                    LocalDate.parse("2026-10-09")),
                context);
    assertEquals(1, output.newLabels());
  }

  @Test
  void aDoubtfulFileIsRefusedAndLeavesNothing() {
    assertRefused(
        "has no value of 'id' in rows 2, 3; give each label the key of its row.",
        () -> labels("id,label\n8,no\n,no\n,no\n"));
    assertRefused(
        "has no column 'label'; its columns are [id, outcome]", () -> labels("id,outcome\n8,no\n"));
    assertRefused("has no column 'id'", () -> labels("key,label\n8,no\n"));
    assertRefused("has a header but no rows", () -> labels("id,label\n"));
    assertNotReady(
        "There is no file 'absent.csv' yet.",
        () ->
            new IngestLabels()
                .run(new IngestLabels.Input(MODEL, "absent.csv", null, null, null), context));
    assertRefused(
        "'data' has {date}; say which day with 'logical_date'.",
        () ->
            new IngestLabels()
                .run(new IngestLabels.Input(MODEL, "{date}.csv", null, null, null), context));
    assertEquals(List.of(), arrivals());
  }

  @Test
  void aModelWhoseRowsHaveNoKeyHasNoLateLabels() throws IOException {
    ingest(FIRST, "id,c0,c1,n0\n8,1,2,1.5\n", null);
    ingest(SECOND, "id,c0,c1,n0\n8,1,2,1.5\n", null);
    assertRefused(
        "No day of 'churn' has rows with keys; ingest rows with 'key' first",
        () -> labels("id,label\n8,no\n"));
  }

  @Test
  void rowsWithoutAKeyOfTheirOwnAreRefusedByRow() {
    assertRefused(
        "Column 'id' names the rows, but is empty in rows 2, 3; give each row a value, or leave"
            + " 'key' out.",
        () -> ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n,0,1,1\n,0,1,1\n"));
    assertRefused(
        "Column 'id' names the rows, but has '8' in rows 1 and 3; give each row a value of its own",
        () -> ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n9,0,1,1\n8,0,1,1\n"));
    assertRefused(
        "There is no column 'name' to name the rows; the columns are [id, c0, c1, n0]. Correct"
            + " 'key'.",
        () -> ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n", "name"));
    assertRefused(
        "Column 'c0' names the rows and is a feature of 'churn-",
        () -> ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n", "c0"));
    assertRefused(
        "Column 'label' names the rows and is the label of 'churn-",
        () -> ingest(FIRST, "label,c0,c1,n0\n8,1,2,1\n", "label"));
  }

  @Test
  void aKeyForRowsThatAreThereAlreadyIsTaken() throws IOException {
    ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n", null);
    assertTrue(ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n", "id").changed());
    assertFalse(ingest(FIRST, "id,c0,c1,n0\n8,1,2,1\n", "id").changed());
    assertEquals(1, labels("id,label\n8,no\n").newLabels());
  }

  private List<Arrival> arrivals() {
    return store.lateLabels().arrivals(MODEL);
  }

  private Ingest.Output ingest(LocalDate date, String rows) throws IOException {
    return ingest(date, rows, "id");
  }

  private Ingest.Output ingest(LocalDate date, String rows, @Nullable String key)
      throws IOException {
    Path file = Files.writeString(folder.resolve("rows.csv"), rows);
    return new Ingest()
        .run(new Ingest.Input(MODEL, date, file.toString(), null, null, key, 0), context);
  }

  private IngestLabels.Output labels(String content) throws IOException {
    return labels(content, TestContext.NOW);
  }

  private IngestLabels.Output labels(String content, Instant now) throws IOException {
    Path file = Files.writeString(folder.resolve("labels.csv"), content);
    return new IngestLabels()
        .run(new IngestLabels.Input(MODEL, file.toString(), null, null, null), context.at(now));
  }

  private int[] process(LocalDate date) {
    new ProcessData().run(new ProcessData.Input(MODEL, date, 0), context);
    return store.processedBatches().readAll(batch(date)).labels();
  }

  private ProcessedBatch batch(LocalDate date) {
    return store.processedBatches().find(MODEL + "/" + date).orElseThrow();
  }
}
