package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.judgement.DayOutcome.Status;
import retune.model.Champions.Champion;
import retune.model.DeploymentFolder;
import retune.steps.Deployment;
import retune.steps.audit.Explain;
import retune.steps.audit.History;

class RollbackTest {
  private static final int RACERS = 50;

  @TempDir Path folder;
  private Deployment deployment;
  private String first;
  private String second;

  /** The first version is deployed, then the second. */
  @BeforeEach
  void start() throws IOException {
    deployment = new Deployment(folder);
    first = deployment.installChampion(1);
    deploy(first);
    second = deployment.register(Deployment.model(2, first), VersionStatus.APPROVED);
    deploy(second);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void theVersionBeforeComesBack() throws IOException {
    Rollback.Output output = rollBack("one", null);
    assertTrue(output.changed());
    assertEquals(first, output.modelId());
    assertEquals(second, output.barredModelId());
    assertEquals(
        "credit-default is rolled back from %s to %s by kim: too slow. %s is barred from production until it is released."
            .formatted(second, first, second),
        output.message());
    assertEquals(first, champion().modelId());
    assertEquals(second, champion().previousModelId());
    assertEquals(first, champion().bestModelId());
    assertTrue(champion().deployed());
    assertEquals(VersionStatus.DEPLOYED, deployment.models.status(first));
    assertEquals(VersionStatus.RETIRED, deployment.models.status(second));
    assertEquals(
        first, new DeploymentFolder(folder, Deployment.MODEL).current().orElseThrow().modelId());
  }

  @Test
  void theEventSaysWhoAndWhyAndPeopleAreTold() throws IOException {
    Rollback.Output output = rollBack("one", null);
    Document event =
        deployment
            .store
            .events()
            .find("deployment_events", "rollback/credit-default/3")
            .orElseThrow();
    assertEquals("model_rolled_back", event.getString("event_type"));
    assertEquals(first, event.getString("model_id"));
    assertEquals(second, event.getString("previous_model_id"));
    assertEquals(output.deploymentPath(), event.getString("deployment_path"));
    assertEquals("kim", event.getString("by"));
    assertEquals("too slow", event.getString("reason"));
    assertEquals(3, event.getLong("revision"));
    assertEquals("one", event.getString("run_id"));
    Document told =
        deployment.store.events().find("notifications", "rollback/credit-default/3").orElseThrow();
    assertEquals(output.message(), told.getString("message"));
    assertEquals("info", told.getString("severity"));
    assertEquals("not configured", output.delivered().get("webhook"));
  }

  @Test
  void theHistoryAndTheExplanationsTellIt() throws IOException {
    rollBack("one", null);
    Map<String, Object> last =
        new History()
            .run(new History.Input(Deployment.MODEL, 1), deployment.context())
            .events()
            .getLast();
    assertEquals("model_rolled_back", last.get("event"));
    assertEquals("kim", last.get("by"));
    assertEquals("too slow", last.get("reason"));
    Explain.Output barred = new Explain().run(new Explain.Input(second), deployment.context());
    assertTrue(String.valueOf(barred.barred()).contains("kim rolled it back"));
    assertTrue(barred.text().contains("followed by"), barred.text());
    String back = new Explain().run(new Explain.Input(first), deployment.context()).text();
    assertTrue(back.contains("rolled back"), back);
  }

  @Test
  void anyVersionThatWasOnceApprovedCanComeBack() throws IOException {
    String third = deployment.register(Deployment.model(3, first), VersionStatus.APPROVED);
    String waiting = deployment.register(Deployment.model(4, first), VersionStatus.APPROVED);
    deploy(third);
    assertEquals(first, rollBack("one", first).modelId());
    assertEquals(waiting, rollBack("two", waiting).modelId());
    assertEquals(VersionStatus.DEPLOYED, deployment.models.status(waiting));
    assertEquals(VersionStatus.RETIRED, deployment.models.status(first));
  }

  @Test
  void aVersionThatNoEvaluationApprovedIsRefused() {
    String candidate = deployment.register(Deployment.model(3, first), VersionStatus.CANDIDATE);
    String rejected = deployment.register(Deployment.model(4, first), VersionStatus.REJECTED);
    assertNothingMoves(
        candidate + " is candidate; only a version that an evaluation approved can be restored.",
        candidate);
    assertNothingMoves(rejected + " is rejected", rejected);
    assertNothingMoves("no model version 'credit-default-0'", "credit-default-0");
    assertNothingMoves(second + " is the version in production already", second);
  }

  @Test
  void aDamagedVersionIsRefusedBeforeAnythingMoves() {
    deployment
        .store
        .collection("fs.files")
        .deleteOne(new Document("_id", "weights/" + deployment.models.get(first).weightsHash()));
    assertNothingMoves(first + " fails the check 'hashes'", null);
  }

  @Test
  void aFirstVersionHasNothingBeforeIt(@TempDir Path other) throws IOException {
    try (Deployment fresh = new Deployment(other)) {
      String only = fresh.installChampion(1);
      assertRefused(
          "credit-default has no earlier version: " + only + " is its first.",
          () -> new Rollback().run(input(null), fresh.context()));
    }
  }

  @Test
  void aRollbackThatRunsAgainChangesNothing() throws IOException {
    rollBack("one", null);
    Map<String, String> before = deployment.everything();
    Rollback.Output again = rollBack("one", null);
    assertFalse(again.changed());
    assertEquals(first, again.modelId());
    assertEquals(before, deployment.everything());
  }

  @Test
  void aRollbackOfAVersionThatIsNoLongerInProductionIsRefused() throws IOException {
    String third = deployment.register(Deployment.model(3, first), VersionStatus.APPROVED);
    deploy(third);
    Map<String, String> before = deployment.everything();
    for (String to : new @Nullable String[] {null, first, third}) {
      assertRefused(
          third + " is in production now, not " + second + "; nothing was rolled back.",
          () -> replace(second, "late", to));
    }
    assertEquals(before, deployment.everything());

    assertEquals(third, replace(third, "in time", first).barredModelId());
    Map<String, String> done = deployment.everything();
    assertFalse(replace(third, "in time", first).changed(), "the same task again");
    assertEquals(done, deployment.everything());
  }

  @Test
  void aRollbackThatDiedAfterItsMoveIsCompletedByItsNextTryAndNotMeantForAnother()
      throws IOException {
    Champion before = champion();
    new Production(deployment.context().inRun("one"), Deployment.MODEL)
        .rollBack(before, first, "kim", "too slow");

    assertRefused(
        first + " is in production now, not other; nothing was rolled back.",
        () -> replace("other", "one", null));
    Rollback.Output completed = replace(second, "one", null);

    assertTrue(completed.changed());
    assertEquals(first, completed.modelId());
    assertEquals(before.revision() + 1, champion().revision());
  }

  @Test
  void twoPeopleWhoRollBackAtOnceMoveThePointerOnce() throws IOException {
    Champion before = champion();
    Production production = new Production(deployment.context(), Deployment.MODEL);
    rollBack("kim's", null);
    Champion after = champion();
    assertEquals(after, production.rollBack(before, first, "lee", "wrong"));
    assertEquals(after, champion());

    String third = deployment.register(Deployment.model(3, first), VersionStatus.APPROVED);
    deploy(third);
    assertRefused(
        "credit-default was promoted to " + third + " meanwhile; roll back again",
        () -> production.rollBack(before, first, "lee", "wrong"));
    assertEquals(List.of(third), deployment.models.deployed(Deployment.MODEL));
  }

  @Test
  void anUnfinishedRollbackIsCompletedByTheNext() throws IOException {
    Champion before = champion();
    new Production(deployment.context(), Deployment.MODEL)
        .rollBack(before, first, "kim", "too slow");
    assertFalse(champion().deployed());
    Rollback.Output completed = rollBack("another", null);
    assertTrue(completed.changed());
    assertEquals(first, champion().modelId());
    assertTrue(champion().deployed());
    assertEquals(before.revision() + 1, champion().revision());
  }

  @Test
  void aVersionThatWasRolledBackIsBarredUntilItIsReleased() throws IOException {
    deployment.writeOutcome(Status.RETRAINED, second, first);
    rollBack("one", null);
    String barred = second + " is barred from production: kim rolled it back at ";
    assertNothingMoves(barred, null);
    assertNothingMoves(barred, second);
    deployment.models.move(second, VersionStatus.Event.APPROVE, "Passed again");
    assertRefused(barred, () -> deploy(second));
    assertTrue(awaitReady().reason().startsWith(barred));

    ReleaseVersion.Output released = release();
    assertTrue(released.changed());
    assertEquals(second + " is released and may be promoted again.", released.message());
    Document event =
        deployment
            .store
            .events()
            .find("deployment_events", "release/credit-default/" + second + "/3")
            .orElseThrow();
    assertEquals("version_released", event.getString("event_type"));
    assertEquals("lee", event.getString("by"));
    assertEquals("kim", event.getString("barred_by"));
    assertEquals(second + " is not barred; nothing changed.", release().message());
    assertTrue(awaitReady().ready());
    deploy(second);
    assertEquals(second, champion().modelId());
    assertEquals(List.of(), champion().bars());
  }

  @Test
  void aRollbackThatRunsAgainAfterPeopleMovedOnChangesNothing() throws IOException {
    rollBack("one", null);
    release();
    String sentence =
        "This task rolled credit-default back from %s to %s at 2026-11-05T06:00:00Z; nothing changed."
            .formatted(second, first);
    assertOneChangesNothing(sentence, null);
    assertOneChangesNothing(sentence, first);
    deployment.models.move(second, VersionStatus.Event.APPROVE, "Passed again");
    deploy(second);
    assertOneChangesNothing(sentence, null);
    assertOneChangesNothing(sentence, first);
    assertEquals(first, rollBack("two", null).modelId(), "another run rolls back again");
  }

  private void assertOneChangesNothing(String sentence, @Nullable String to) throws IOException {
    Map<String, String> before = deployment.everything();
    Rollback.Output again = rollBack("one", to);
    assertTrue(again.message().startsWith(sentence), again.message());
    assertFalse(again.changed());
    assertEquals(first, again.modelId());
    assertEquals(second, again.barredModelId());
    assertEquals(before, deployment.everything());
  }

  @Test
  void fiftyRacingPromotionsAndRollbacksLeaveOneChampionAndStatusesThatAgree() throws Exception {
    List<Callable<String>> racers = new ArrayList<>();
    for (int i = 0; i < RACERS; i++) {
      String run = "racer " + i;
      if (i % 2 == 0) {
        String candidate =
            deployment.register(Deployment.model(10 + i, first), VersionStatus.APPROVED);
        racers.add(() -> deploy(candidate).modelId());
      } else {
        String to = i % 4 == 1 ? first : null;
        racers.add(() -> rollBack(run, to).modelId());
      }
    }
    AtomicBoolean racing = new AtomicBoolean(true);
    Queue<String> unserved = new ConcurrentLinkedQueue<>();
    Thread follower = Thread.startVirtualThread(() -> follow(racing, unserved));
    List<Future<String>> results;
    try (ExecutorService executor = Executors.newFixedThreadPool(8)) {
      results = executor.invokeAll(racers);
    }
    racing.set(false);
    follower.join();
    assertEquals(List.of(), List.copyOf(unserved));
    int moves = 0;
    for (Future<String> result : results) {
      try {
        result.get();
        moves++;
      } catch (ExecutionException e) {
        assertInstanceOf(InvalidInputException.class, e.getCause());
        String sentence = String.valueOf(e.getMessage());
        assertTrue(sentence.matches(".*(meanwhile|barred|already).*"), sentence);
      }
    }
    assertTrue(moves > 0, "no racer came through");
    assertTrue(champion().deployed());
    assertEquals(List.of(champion().modelId()), deployment.models.deployed(Deployment.MODEL));
    assertEquals(
        champion().modelId(),
        new DeploymentFolder(folder, Deployment.MODEL).current().orElseThrow().modelId());
    assertTrue(champion().bar(champion().modelId()).isEmpty());
  }

  /** As a service does: whichever version the pointer names may be served. */
  private void follow(AtomicBoolean racing, Queue<String> unserved) {
    while (racing.get()) {
      Champion before = champion();
      VersionStatus status = deployment.models.status(before.modelId());
      if (champion().revision() == before.revision() && !status.mayServe()) {
        unserved.add(before.modelId() + " is " + status.id());
      }
    }
  }

  private void assertNothingMoves(String sentence, @Nullable String to) {
    Map<String, String> before = deployment.everything();
    assertRefused(sentence, () -> rollBack("refused", to));
    assertEquals(before, deployment.everything());
  }

  private Champion champion() {
    return deployment.champions.find(Deployment.MODEL).orElseThrow();
  }

  private static Rollback.Input input(@Nullable String to) {
    return new Rollback.Input(Deployment.MODEL, to, "too slow", "kim", null);
  }

  private Rollback.Output replace(String replaces, String run, @Nullable String to)
      throws IOException {
    return new Rollback()
        .run(
            new Rollback.Input(Deployment.MODEL, to, "too slow", "kim", replaces),
            deployment.context().inRun(run));
  }

  private Rollback.Output rollBack(String run, @Nullable String to) throws IOException {
    return new Rollback().run(input(to), deployment.context().inRun(run));
  }

  private ReleaseVersion.Output release() {
    return new ReleaseVersion()
        .run(new ReleaseVersion.Input(second, "faster now", "lee"), deployment.context());
  }

  private WaitForModelReady.Output awaitReady() {
    try {
      return new WaitForModelReady()
          .run(
              new WaitForModelReady.Input(Deployment.MODEL, Deployment.DATE, null, 0),
              deployment.context());
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private DeployModel.Output deploy(String modelId) throws IOException {
    return new DeployModel()
        .run(
            new DeployModel.Input(Deployment.MODEL, modelId, null, null),
            deployment.context().inRun("deploys " + modelId));
  }
}
