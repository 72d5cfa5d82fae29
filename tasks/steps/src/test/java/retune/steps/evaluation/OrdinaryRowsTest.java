package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.steps.evaluation.Loop.EXCELLENT;
import static retune.steps.evaluation.Loop.GOOD;
import static retune.steps.evaluation.Loop.POOR;
import static retune.steps.evaluation.Loop.USELESS;

import com.mongodb.client.model.Filters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.judgement.VersionStatus;
import retune.core.split.Part;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.model.batch.ReplayRows;
import retune.runtime.store.ProcessedBatches.Rows;

/** A candidate that suits a drifted day, compared on the reference and on the days before. */
class OrdinaryRowsTest {
  private final Loop loop = new Loop();
  private String champion = "";

  @BeforeEach
  void start() {
    champion = loop.register(EXCELLENT, null, VersionStatus.DEPLOYED);
  }

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void referenceAndDaysAreChecksOfTheirOwn() {
    loop.writeReference(800);
    passDays(1);
    EvaluateFinetunedModel.Output judged = judgeOnADriftedDay(2);
    assertTrue(judged.passed());
    assertTrue(
        judged
            .reason()
            .matches(
                ".* But on the 790 reference rows the candidate has 0[.]5\\d+, 0[.]\\d+ below the"
                    + " champion's 0[.]9\\d+; 0[.]05 may be lost[.] But on the 590 ordinary rows of"
                    + " credit-default/2026-11-06 the candidate has 0[.]5\\d+, 0[.]\\d+ below the"
                    + " champion's 0[.]9\\d+; 0[.]05 may be lost[.] To keep such a version out, set"
                    + " gate[.]on_conflict to hold, or to ask to decide yourself[.]"),
        judged.reason());
    assertEquals(790L, check("retention_reference").getLong("rows"));
    assertEquals(590L, check("retention_days").getLong("rows"));
  }

  @Test
  void theDaysAreTheLastFiveOnWhichProductionPassed() {
    passDays(6);
    EvaluateFinetunedModel.Output judged = judgeOnADriftedDay(7);
    assertTrue(
        judged
            .reason()
            .contains("2,950 ordinary rows of the 5 days from 2026-11-07 to 2026-11-11 the"),
        judged.reason());
    assertEquals(
        "credit-default has no reference rows", check("retention_reference").getString("sentence"));
  }

  @Test
  void aLargeDayIsRepresentedByFourThousandRowsSpreadOverIt() {
    int rows = 45_000;
    loop.writeBatch(rows);
    loop.evaluate(champion);
    loop.check(champion);
    loop.sendResults();
    judgeOnADriftedDay(1);
    // The first of the 40 blocks that are read has 990 labelled rows; each gives 100.
    assertEquals(4000L, check("retention_days").getLong("rows"));
    Document compared = verdict().getList("compared", Document.class).getFirst();
    Document kept =
        loop.document("predictions", compared.getList("predictions", String.class).getFirst());
    byte[] file = loop.store.blobs().get(kept.getString("file")).orElseThrow();
    int last = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(4 * 3999);
    assertTrue(last > rows - 3_000, () -> "the last row read is " + last);
  }

  @Test
  void aDayIsLeftOutThatTheLatestRevisionDidNotApprove() {
    passDays(2);
    // The second of the days is judged again, with other rows, and fails.
    loop.startDay(Loop.DATE.plusDays(2), true);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    for (int attempt = 1; attempt <= 3; attempt++) {
      String failed = loop.register(EXCELLENT, attempt + 5, champion, VersionStatus.CANDIDATE);
      loop.evaluateFinetuned(failed, champion, attempt);
    }
    assertEquals("failed_max_retries", loop.sendResults().status());
    assertTrue(
        judgeOnADriftedDay(3).reason().contains("590 ordinary rows of credit-default/2026-11-06"));
  }

  @Test
  void rowsThatEqualATrainingRowOfAnotherDayAreLeftOutOfTheReference() {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    Batch day = Batch.load(loop.context, Loop.BATCH);
    byte[] parts = DataSplit.find(loop.context, day, null).split().assignment();
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    // Of 600 reference rows, 100 are rows of the day.
    loop.writeReferenceWithRowsOfTheDay(500, 100);
    loop.evaluateFinetuned(candidate, champion, 1);
    long seen = 0;
    for (int row = 10; row < 110; row++) {
      seen += parts[row] == Part.TRAINING.code() || parts[row] == Part.VALIDATION.code() ? 1 : 0;
    }
    assertTrue(seen > 50);
    assertEquals(590 - seen, check("retention_reference").getLong("rows"));
  }

  @Test
  void aReferenceOfRowsThatEveryDayRepeatsStaysWhole() {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    loop.writeReferenceWithRowsOfTheDay(20, 400);
    String candidate = loop.register(GOOD, champion, VersionStatus.CANDIDATE);
    loop.evaluateFinetuned(candidate, champion, 1);
    assertEquals(410L, check("retention_reference").getLong("rows"));
  }

  @Test
  void aReferenceWithOtherFeaturesIsNamed() {
    loop.writeReference(800, Hashing.sha256("another preprocessing"));
    judgeOnADriftedDay(1);
    assertEquals(
        "The reference rows of credit-default have other features than 'credit-default/2026-11-06'",
        check("retention_reference").getString("sentence"));
    assertEquals("approved", verdict().getString("status"));
  }

  @Test
  void whatTheChampionAnswersThereIsKeptAndNotComputedAgain() {
    loop.writeReference(800);
    String best = loop.register(POOR, null, VersionStatus.RETIRED);
    loop.champions.install(Loop.MODEL, best);
    loop.champions.promote(loop.champions.find(Loop.MODEL).orElseThrow(), champion, best);
    judgeOnADriftedDay(1);
    Document before = check("anchor_reference");
    // Without weights the best version cannot answer any more.
    loop.store.blobs().remove(ModelStore.weightsId(loop.models.get(best)));
    loop.startRun("again");
    judge();
    assertEquals(before, check("anchor_reference"));
    assertTrue(before.getLong("rows") > 0);
  }

  @Test
  void noRowThatWasReplayedJudges() {
    loop.writeReference(800);
    passDays(3);
    loop.startDay(Loop.DATE.plusDays(4), true);
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    Batch day = Batch.load(loop.context, loop.batch());
    ReplayRows replay = ReplayRows.before(loop.context, day, 10_000, 10_000).orElseThrow();
    assertEquals(3, replay.contents().size());
    Set<List<Float>> replayed = new HashSet<>(numbers(replay.training().features()));
    replayed.addAll(numbers(replay.validation().features()));
    assertTrue(replayed.size() > 350 && replayed.size() < 550, replayed.size() + " replayed rows");

    String candidate = loop.registerReplayed(USELESS, champion, replay.contents());
    loop.evaluateFinetuned(candidate, champion, 1);
    // 590 of each of the three days, and the reference as a whole
    assertEquals(3 * 590 - replayed.size(), check("retention_days").getLong("rows"));
    assertEquals(790, check("retention_reference").getLong("rows"));
    List<List<Float>> judged = new ArrayList<>();
    for (Document compared : verdict().getList("compared", Document.class)) {
      for (String id : compared.getList("predictions", String.class)) {
        judged.addAll(judgedRows(loop.document("predictions", id)));
      }
    }
    assertEquals(3 * 590 - replayed.size() + 790, judged.size());
    assertTrue(judged.stream().noneMatch(replayed::contains));
  }

  @Test
  void rowsThatTheDayOrTheReferenceRepeatsAreNotReplayed() {
    passDays(1);
    Batch passed = Batch.load(loop.context, loop.batch());
    loop.startDay(Loop.DATE.plusDays(2), true);
    Batch day = Batch.load(loop.context, loop.batch());
    Batch same =
        new Batch(
            day.description(),
            new Rows(day.features(), day.rows().labels(), passed.rows().rowHashes()));
    assertTrue(ReplayRows.before(loop.context, day, 10_000, 10_000).isPresent());
    assertTrue(ReplayRows.before(loop.context, same, 10_000, 10_000).isEmpty());
    loop.writeReference(passed.rows());
    assertTrue(ReplayRows.before(loop.context, day, 10_000, 10_000).isEmpty());
  }

  @Test
  void withoutAnOrdinaryDayNothingIsReplayed() {
    Batch day = Batch.load(loop.context, Loop.BATCH);
    assertTrue(ReplayRows.before(loop.context, day, 10_000, 10_000).isEmpty());
  }

  @Test
  void noMoreRowsAreReplayedThanAskedFor() {
    passDays(4);
    loop.startDay(Loop.DATE.plusDays(5), true);
    Batch day = Batch.load(loop.context, loop.batch());
    ReplayRows replay = ReplayRows.before(loop.context, day, 40, 8).orElseThrow();
    assertEquals(40, replay.training().labels().length);
    assertEquals(8, replay.validation().labels().length);
  }

  /** The rows behind kept predictions. */
  private List<List<Float>> judgedRows(Document predictions) {
    byte[] file = loop.store.blobs().get(predictions.getString("file")).orElseThrow();
    Batch batch = Batch.load(loop.context, predictions.getString("data_path"));
    int count = predictions.getInteger("rows");
    IntBuffer positions = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
    int[] rows = IntStream.range(0, count).map(positions::get).toArray();
    return numbers(batch.features().select(rows));
  }

  private static List<List<Float>> numbers(Features features) {
    return IntStream.range(0, features.rows())
        .mapToObj(row -> Arrays.stream(features.numbers()).map(column -> column[row]).toList())
        .toList();
  }

  @Test
  void aDayWhoseRowsAreGoneIsPassedOver() {
    passDays(1);
    loop.store.collection("processing_metadata").deleteOne(Filters.eq("credit-default/2026-11-06"));
    judgeOnADriftedDay(2);
    assertTrue(check("retention_days").getString("sentence").startsWith("No earlier day"));
    assertNull(verdict().get("compared"));
  }

  /** The champion passes on days from 2026-11-06 on. */
  private void passDays(int days) {
    for (int day = 1; day <= days; day++) {
      loop.startDay(Loop.DATE.plusDays(day), false);
      loop.evaluate(champion);
      assertEquals("approved", loop.check(champion).status());
      loop.sendResults();
    }
  }

  private EvaluateFinetunedModel.Output judgeOnADriftedDay(int day) {
    loop.startDay(Loop.DATE.plusDays(day), true);
    return judge();
  }

  private EvaluateFinetunedModel.Output judge() {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(USELESS, champion, VersionStatus.CANDIDATE);
    return loop.evaluateFinetuned(candidate, champion, 1);
  }

  private Document check(String name) {
    return verdict().getList("checks", Document.class).stream()
        .filter(check -> check.getString("name").equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** The last verdict on a candidate. */
  private Document verdict() {
    List<Document> verdicts =
        loop.store.collection("verdicts").find(Filters.eq("attempt", 1)).into(new ArrayList<>());
    return verdicts.getLast();
  }
}
