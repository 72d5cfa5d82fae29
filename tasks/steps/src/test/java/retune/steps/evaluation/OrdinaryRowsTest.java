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
import java.util.ArrayList;
import java.util.List;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.data.Hashing;
import retune.core.judgement.VersionStatus;
import retune.core.split.Part;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;

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
