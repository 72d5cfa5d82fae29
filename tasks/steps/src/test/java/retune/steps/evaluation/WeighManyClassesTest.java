package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.bson.Document;
import org.bson.RawBsonDocument;
import org.bson.codecs.DocumentCodec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.data.Target;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.model.TrafficControl;
import retune.steps.Deployment;
import retune.steps.evaluation.WeighChallenger.Decision;
import retune.testing.TestContext;

/** A challenger with traffic beside a classifier of 138 intents, of which each is rare on a day. */
class WeighManyClassesTest {
  private static final String MODEL = Deployment.MODEL;
  private static final int INTENTS = 138;
  private static final int ROWS = 500;
  private Deployment deployment;
  private TestContext context;
  private PairedQueries queries;
  private String challenger;
  private Metric metric = Metric.ACCURACY;

  @BeforeEach
  void startAChallenger(@TempDir Path folder) {
    deployment = new Deployment(folder);
    context = deployment.context().at(TestContext.NOW.plus(Duration.ofDays(20)));
    Target target =
        new Target(
            "intent", IntStream.range(0, INTENTS).mapToObj(Integer::toString).toList(), null);
    String champion = deployment.register(Deployment.modelOf(target, 1), VersionStatus.APPROVED);
    deployment.champions.install(MODEL, champion);
    challenger = deployment.register(Deployment.modelOf(target, 2), VersionStatus.CANDIDATE);
    new TrafficControl(deployment.context(), MODEL).start(challenger, 0, "kim", "newer");
    queries = new PairedQueries(deployment.store, MODEL, champion, challenger, INTENTS);
  }

  @AfterEach
  void closeStore() {
    deployment.close();
  }

  @Test
  void oneThatIsBetterByTenPointsIsProvedSoOnTheSecondDay() {
    WeighChallenger.Output weighed = weigh(0.8, 0.9, 2);
    assertEquals(Decision.PROMOTE, weighed.decision());
    assertEquals(2, weighed.days().size());
    assertTrue(weighed.message().startsWith(challenger + " is better"), weighed.message());
    Document entry =
        Objects.requireNonNull(deployment.store.collection("challenger_ledger").find().first());
    List<Long> pairs = entry.getList("pairs", Long.class);
    assertEquals(ROWS, pairs.stream().mapToLong(rows -> rows).sum());
    assertEquals(ROWS * 4 / 5, pairs.get(0) + pairs.get(1));
    assertEquals(ROWS * 9 / 10, pairs.get(0) + pairs.get(2));
    int size = new RawBsonDocument(entry, new DocumentCodec()).getByteBuffer().remaining();
    assertTrue(size < 6_000, size + " bytes");
  }

  /** Three or four labels of each intent a day are too few for macro F1. */
  @Test
  void accuracyTakesThePlaceOfMacroF1() {
    metric = Metric.F1_MACRO;
    WeighChallenger.Output weighed = weigh(0.8, 0.9, 2);
    assertEquals(Decision.PROMOTE, weighed.decision());
    assertTrue(
        weighed
            .message()
            .contains(
                "better than the champion (the last day by accuracy, because some classes have"
                    + " fewer than 5 labels)"),
        weighed.message());
    Document entry =
        Objects.requireNonNull(deployment.store.collection("challenger_ledger").find().first());
    assertEquals(true, entry.getBoolean("by_accuracy"));
    assertTrue(entry.containsKey("pairs"));
    assertEquals(weighed.evidence(), weigh(0.8, 0.9, 0).evidence(), "as it was stored");
  }

  @Test
  void oneThatIsWorseByTenPointsLosesItsTrafficOnTheSecondDay() {
    WeighChallenger.Output weighed = weigh(0.9, 0.8, 2);
    assertEquals(Decision.ABORT, weighed.decision());
    assertTrue(weighed.message().contains("that it is worse than the champion"), weighed.message());
    assertNull(deployment.champions.get(MODEL).challenger());
    assertEquals(VersionStatus.REJECTED, deployment.models.status(challenger));
  }

  @Test
  void oneThatIsWorseByAccuracyInPlaceOfMacroF1LosesItsTrafficAndIsNotRejected() {
    metric = Metric.F1_MACRO;
    VersionStatus before = deployment.models.status(challenger);
    WeighChallenger.Output weighed = weigh(0.9, 0.8, 2);
    assertEquals(Decision.ABORT, weighed.decision());
    assertNull(deployment.champions.get(MODEL).challenger());
    assertEquals(before, deployment.models.status(challenger));
  }

  @Test
  void oneThatIsAsGoodIsKept() {
    assertEquals(Decision.KEEP, weigh(0.9, 0.9, 3).decision());
  }

  private WeighChallenger.Output weigh(double championRight, double challengerRight, int days) {
    for (int day = 0; day < days; day++) {
      LocalDate date = Deployment.DATE.plusDays(day);
      queries.day(date, ROWS, championRight, challengerRight).label(date);
    }
    LocalDate last = Deployment.DATE.plusDays(9);
    return new WeighChallenger()
        .run(new WeighChallenger.Input(MODEL, last, metric, 0.8, 14), context);
  }
}
