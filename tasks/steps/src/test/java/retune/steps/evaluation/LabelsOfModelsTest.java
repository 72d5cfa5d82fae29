package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Target;
import retune.core.split.Part;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.steps.Deployment;
import retune.steps.data.Ingest;
import retune.steps.data.ProcessData;
import retune.steps.retraining.FilterTrainingData;
import retune.steps.retraining.PrepareTrainingData;

/**
 * A day on which people labelled 1,200 rows and a model 800, one in four with little confidence.
 */
class LabelsOfModelsTest {
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final String BATCH = "credit-default/2026-11-05";
  private static final int ROWS = 2_000;

  @TempDir Path folder;
  private Deployment deployment;
  private String champion = "";
  private Ingest.Output ingested;

  @BeforeEach
  void start() throws IOException {
    deployment = new Deployment(Files.createDirectory(folder.resolve("deployed")));
    champion = deployment.installChampion(1);
    SplittableRandom random = new SplittableRandom(3);
    List<String> lines = new ArrayList<>(List.of("n0,n1,default,label_source,confidence"));
    for (int row = 0; row < ROWS; row++) {
      String source =
          switch (row % 5) {
            case 0 -> "";
            case 1, 2 -> "person";
            default -> "model-a";
          };
      String confidence =
          source.startsWith("model") ? row % 20 < 5 ? "0.49" : row % 20 < 10 ? "" : "0.5" : "0.1";
      lines.add(
          "%s,%s,%d,%s,%s"
              .formatted(
                  random.nextGaussian(),
                  random.nextGaussian(),
                  random.nextInt(2),
                  source,
                  confidence));
    }
    Path file = folder.resolve("day.csv");
    Files.write(file, lines);
    ingested =
        new Ingest()
            .run(
                new Ingest.Input(Deployment.MODEL, DATE, file.toString(), null, null, null, 0),
                deployment.context());
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void onlyPeoplesLabelsJudge() {
    assertEquals(800, ingested.unlabelled());
    ProcessData.Output processed = process();
    assertEquals(1_200, processed.labelled());
    assertEquals(Map.of(), processed.outcomes(), "who gave a label is no column too many");
    EvaluateModel.Output evaluated =
        new EvaluateModel()
            .run(
                new EvaluateModel.Input(champion, BATCH, EvaluateModel.TEST, 1, null, 0.8, 14),
                deployment.context());
    assertEquals(1_200, evaluated.samples());
  }

  @Test
  void confidentLabelsOfAModelTrainAndNeverValidateOrJudge() {
    process();
    PrepareRetrainingData.Output prepared = prepare(0.5, true);
    assertEquals(400, prepared.filterStats().lowConfidenceRemoved());
    int people = 1_200 - prepared.revalSamples();
    assertEquals(360, prepared.revalSamples(), 1);
    assertEquals(people + 800, prepared.filterStats().originalCount());
    assertEquals(people + 400, prepared.filterStats().finalCount());

    Batch batch = Batch.load(deployment.context(), BATCH);
    byte[] parts = DataSplit.find(deployment.context(), batch, null).split().assignment();
    int[] training = batch.rows().trainingLabels();
    int trained = 0;
    for (int row = 0; row < ROWS; row++) {
      if (batch.rows().labels()[row] == Target.UNLABELLED) {
        boolean trains = parts[row] == Part.TRAINING.code();
        assertTrue(trains || parts[row] == Part.EXCLUDED.code(), "row " + row);
        assertTrue(training[row] >= 0);
        trained += trains ? 1 : 0;
      }
    }
    assertEquals(400, trained);
    Document rejected =
        deployment
            .store
            .collection("data_splits")
            .find()
            .first()
            .get("rejected", Document.class)
            .get("low_confidence", Document.class);
    assertEquals(400, rejected.getInteger("count"));
    assertEquals(List.of(3, 4, 8, 9), rejected.getList("sample", Integer.class).subList(0, 4));
  }

  @Test
  void theLimitIsPartOfTheSplit() {
    process();
    PrepareRetrainingData.Output half = prepare(0.5, true);
    PrepareRetrainingData.Output low = prepare(0.49, true);
    assertNotEquals(half.splitId(), low.splitId());
    assertEquals(200, low.filterStats().lowConfidenceRemoved());
    PrepareRetrainingData.Output all = prepare(0.5, false);
    assertEquals(0, all.filterStats().lowConfidenceRemoved());
    assertEquals(2_000 - all.revalSamples(), all.retrainSamples());
  }

  @Test
  void aTrainingSetCountsThemAmongItsMostRowsAndFiltersThem() {
    process();
    PrepareTrainingData.Output collected =
        new PrepareTrainingData()
            .run(
                new PrepareTrainingData.Input(Deployment.MODEL, "retraining-1", 30, 1_000),
                deployment.context());
    assertEquals(1_000, collected.rows(), 100);
    FilterTrainingData.Output filtered =
        new FilterTrainingData()
            .run(
                new FilterTrainingData.Input(Deployment.MODEL, "retraining-1", 0.5),
                deployment.context());
    assertEquals(
        collected.rows() - filtered.filterStats().lowConfidenceRemoved(),
        filtered.trainSamples() + filtered.validationSamples() + filtered.holdoutSamples());
    assertEquals(200, filtered.filterStats().lowConfidenceRemoved(), 50);
  }

  @Test
  void aReadOfSomeRowsHasTheirModelLabels() {
    process();
    Batch batch = Batch.load(deployment.context(), BATCH);
    int[] part =
        deployment.store.processedBatches().read(batch.description(), 950, 1_050).trainingLabels();
    assertEquals(
        Arrays.toString(Arrays.copyOfRange(batch.rows().trainingLabels(), 950, 1_050)),
        Arrays.toString(part));
  }

  private ProcessData.Output process() {
    return new ProcessData()
        .run(new ProcessData.Input(Deployment.MODEL, DATE, 0), deployment.context());
  }

  private PrepareRetrainingData.Output prepare(double minConfidence, boolean filter) {
    return new PrepareRetrainingData()
        .run(
            new PrepareRetrainingData.Input(champion, BATCH, 0.3, 0.2, 0, filter, minConfidence),
            deployment.context());
  }
}
