package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.judgement.AuditTrail;
import retune.model.ChallengerTraffic;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.TrafficControl;
import retune.steps.Deployment;
import retune.testing.TestContext;

class ChallengerTrafficTest {
  private static final String MODEL = Deployment.MODEL;
  private Deployment deployment;
  private TestContext context;
  private String champion;
  private String challenger;

  @BeforeEach
  void registerTwoVersions(@TempDir Path folder) {
    deployment = new Deployment(folder);
    context = deployment.context();
    champion = deployment.installChampion(1);
    challenger = deployment.register(Deployment.model(2, null), VersionStatus.CHALLENGER);
  }

  @AfterEach
  void closeStore() {
    deployment.close();
  }

  @Test
  void aVersionGetsShadowTrafficUnlessAShareIsGiven() {
    StartChallenger.Output shadow = start(0);
    assertTrue(shadow.changed());
    assertEquals("shadow", shadow.mode());
    assertEquals(
        challenger + " scores each request after its answer, beside " + champion + ".",
        shadow.message());
    assertEquals(
        new ChallengerTraffic(
            1,
            challenger,
            ChallengerTraffic.Mode.SHADOW,
            0,
            TestContext.NOW.toString(),
            "kim",
            "newer",
            context.run().eventKey()),
        pointer().challenger());
    assertEquals(champion, pointer().modelId());
    assertEquals(1, pointer().revision(), "the pointer has not moved");
  }

  @Test
  void theShareOfAChallengerCanBeChangedAndEachIsRecorded() {
    start(0);
    context = context.inRun("the next run");
    StartChallenger.Output canary = start(0.1);
    assertTrue(canary.changed());
    assertEquals(
        challenger + " answers 10 % of the requests, beside " + champion + ".", canary.message());
    assertEquals(2, traffic().number());
    assertEquals(0.1, traffic().fraction());
    assertFalse(start(0.1).changed(), "the same again");
    assertEquals("shadow", event(1, "started").getString("mode"));
    assertEquals("canary", event(2, "started").getString("mode"));
  }

  @Test
  void anAbortEndsTheTrafficAndSaysWhy() {
    start(0.1);
    AbortChallenger.Output aborted = abort(null);
    assertTrue(aborted.changed());
    assertEquals(challenger, aborted.modelId());
    assertEquals(
        "The traffic of " + challenger + " has ended (too slow, by kim).", aborted.message());
    assertNull(pointer().challenger());
    Document event = event(1, "ended");
    assertEquals("challenger_ended", event.getString("event_type"));
    assertEquals("too slow", event.getString("reason"));
    assertEquals(champion, event.getString("champion_id"));
    assertEquals(VersionStatus.CHALLENGER, deployment.models.status(challenger));

    Set<String> history =
        new AuditTrail(deployment.store)
            .history(MODEL).stream()
                .map(entry -> entry.getString("event") + ": " + entry.getString("reason"))
                .collect(Collectors.toSet());
    assertEquals(Set.of("challenger_started: newer", "challenger_ended: too slow"), history);

    context = context.inRun("the next run");
    AbortChallenger.Output nothing = abort(null);
    assertFalse(nothing.changed());
    assertEquals("No challenger of " + MODEL + " has traffic; nothing changed.", nothing.message());
  }

  @Test
  void aTaskThatRunsAgainUndoesNothingThatHappenedSince() {
    TestContext first = context;
    start(0.1);
    context = context.task("abort");
    TestContext second = context;
    abort(null);

    context = first;
    StartChallenger.Output again = start(0.1);
    assertFalse(again.changed(), "the traffic that the task started has ended");
    assertNull(pointer().challenger());

    context = first.inRun("another run");
    start(0.2);
    context = second;
    assertFalse(abort(null).changed(), "the traffic that the task ended is another");
    assertEquals(0.2, traffic().fraction());
  }

  @Test
  void whatCannotStandInForTheChampionGetsNoTraffic() {
    ModelFolder.Content content = Deployment.model(2, null);
    String unproved =
        deployment.register(
            Deployment.model(content.weights(), 3, null, false), VersionStatus.CANDIDATE);
    assertRefused(
        champion + " is the version in production; name another one as its challenger.",
        () -> start(champion, 0));
    assertRefused(
        unproved
            + " cannot answer requests: It has no golden rows to compare with; train it again,"
            + " training keeps some.",
        () -> start(unproved, 0));
    String encoder = deployment.register(Deployment.encoder(), VersionStatus.CANDIDATE);
    InvalidInputException headless =
        assertThrows(InvalidInputException.class, () -> start(encoder, 0));
    assertTrue(
        String.valueOf(headless.getMessage()).startsWith(encoder + " cannot answer requests: "),
        headless.getMessage());
    assertRefused(
        "There is no model version 'nobody'; register it with register_model.",
        () -> start("nobody", 0));
    assertRefused(
        "The fraction 0.6 is not between 0 (shadow) and 0.5: the version in production answers the"
            + " other requests, and pairs of answers come from these.",
        () -> start(challenger, 0.6));
    assertRefused(
        "The fraction NaN is not between 0 (shadow) and 0.5: the version in production answers the"
            + " other requests, and pairs of answers come from these.",
        () -> start(challenger, Double.NaN));

    String rejected = deployment.register(Deployment.model(4, null), VersionStatus.REJECTED);
    assertRefused(
        rejected + " is rejected, so it answers no users; start it in shadow (fraction 0).",
        () -> start(rejected, 0.1));
    assertNull(pointer().challenger());
    assertTrue(start(rejected, 0).changed());
    assertRefused(
        "%s has the traffic of %s since %s; end that with './retune abort_challenger %s' first."
            .formatted(rejected, MODEL, TestContext.NOW, MODEL),
        () -> start(challenger, 0));
    assertRefused(
        challenger + " has no traffic; " + rejected + " has. Name that one, or none.",
        () -> abort(challenger));
    assertRefused(
        challenger + " has no traffic; " + rejected + " has. Name that one, or none.",
        () -> promote(challenger));
  }

  @Test
  void aBarredVersionGetsNoTraffic() {
    deployment.models.move(challenger, VersionStatus.Event.APPROVE, "by the test");
    deployment.champions.promote(pointer(), challenger, champion);
    Bar bar = new Bar(challenger, 3, "kim", "too slow", "task", "2026-11-05T06:00:00Z");
    deployment.champions.rollBack(pointer(), champion, bar);
    assertRefused(bar.sentence(), () -> start(0));
  }

  @Test
  void aPromotionIsDeployedLikeAnApprovedVersionAndEndsTheTraffic() throws Exception {
    start(0.1);
    PromoteChallenger.Output promoted = promote(null);
    assertTrue(promoted.changed());
    String promotion = "promotion-1-" + challenger;
    assertEquals(promotion, promoted.promotionId());
    assertEquals(
        "%s, which had traffic as a challenger, is approved to follow %s by kim (better)."
            .formatted(challenger, champion),
        promoted.message());
    assertEquals(champion, pointer().modelId(), "only the deployment moves the pointer");
    assertNotNull(pointer().challenger());
    assertEquals(VersionStatus.APPROVED, deployment.models.status(challenger));
    assertFalse(promote(null).changed());

    assertTrue(
        new WaitForModelReady()
            .run(new WaitForModelReady.Input(MODEL, null, promotion, 0), context)
            .ready());
    new DeployModel().run(new DeployModel.Input(MODEL, challenger, null, promotion), context);
    assertEquals(challenger, pointer().modelId());
    assertNull(pointer().challenger(), "the traffic has ended with the move");
    Document event =
        deployment
            .store
            .events()
            .startingWith("deployment_events", "deployment/" + MODEL + "/" + promotion)
            .getFirst();
    assertEquals(promotion, event.getString("promotion_id"));
    assertEquals(promoted.message(), event.getString("reason"));
    assertRefused(
        "No challenger of %s has traffic; %s is in production. Start one with './retune start_challenger' first."
            .formatted(MODEL, challenger),
        () -> promote(null));
  }

  @Test
  void aPromotionIsNotDeployedOnceAnotherVersionIsInProduction() throws Exception {
    start(0);
    String promotion = promote(null).promotionId();
    String third = deployment.register(Deployment.model(3, null), VersionStatus.APPROVED);
    deployment.champions.promote(pointer(), third, champion);
    String overtaken =
        "%s was approved to follow %s, but %s was promoted to %s meanwhile; start it as a challenger again."
            .formatted(challenger, champion, MODEL, third);
    WaitForModelReady.Output ready =
        new WaitForModelReady()
            .run(new WaitForModelReady.Input(MODEL, null, promotion, 0), context);
    assertFalse(ready.ready());
    assertEquals(overtaken, ready.reason());
    assertRefused(
        overtaken,
        () ->
            new DeployModel()
                .run(new DeployModel.Input(MODEL, challenger, null, promotion), context));
  }

  @Test
  void ofTwentyRacingStartsOfTwoVersionsOneCounts() throws Exception {
    String other = deployment.register(Deployment.model(5, null), VersionStatus.CHALLENGER);
    List<Future<Boolean>> racers = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(8)) {
      for (int racer = 0; racer < 20; racer++) {
        String modelId = racer % 2 == 0 ? challenger : other;
        TrafficControl control = new TrafficControl(context, MODEL, "task " + racer);
        racers.add(
            executor.submit(
                () -> {
                  try {
                    return control.start(modelId, 0.1, "kim", "race").changed();
                  } catch (InvalidInputException otherWasFirst) {
                    return false;
                  }
                }));
      }
    }
    int winners = 0;
    for (Future<Boolean> racer : racers) {
      winners += racer.get() ? 1 : 0;
    }
    assertEquals(1, winners);
    assertEquals(1, traffic().number());
    assertEquals(traffic().modelId(), event(1, "started").getString("model_id"));
  }

  private StartChallenger.Output start(double fraction) {
    return start(challenger, fraction);
  }

  private StartChallenger.Output start(String modelId, double fraction) {
    return new StartChallenger()
        .run(new StartChallenger.Input(modelId, fraction, "newer.", "kim"), context);
  }

  private AbortChallenger.Output abort(@Nullable String modelId) {
    return new AbortChallenger()
        .run(new AbortChallenger.Input(MODEL, modelId, "too slow", "kim"), context);
  }

  private PromoteChallenger.Output promote(@Nullable String modelId) {
    return new PromoteChallenger()
        .run(new PromoteChallenger.Input(MODEL, modelId, "better", "kim"), context);
  }

  private Champion pointer() {
    return deployment.champions.get(MODEL);
  }

  private ChallengerTraffic traffic() {
    return Objects.requireNonNull(pointer().challenger());
  }

  private Document event(int number, String what) {
    return deployment
        .store
        .events()
        .find("challenger_events", "%s/%d/%s".formatted(MODEL, number, what))
        .orElseThrow();
  }

  private static void assertRefused(String sentence, Executable work) {
    assertEquals(sentence, assertThrows(InvalidInputException.class, work).getMessage());
  }
}
