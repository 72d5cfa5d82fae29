package retune.serving.following;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import retune.model.ChallengerTraffic;
import retune.model.Champions.Champion;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.runtime.StepContext;
import retune.serving.challenger.ServedChallenger;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.testing.TestContext;

/** A challenger whose load hangs. */
class HangingLoadTest {
  private final CountDownLatch end = new CountDownLatch(1);
  private Instant now = TestContext.NOW;

  @Test
  void itIsReportedAfterAMinuteAndHoldsNoOtherChallenger() throws Exception {
    ModelFolder.Content example =
        ModelFolder.read(Path.of("../../examples/credit-default/finetuned"), CodeTrust.REFUSED);
    ServingMetrics metrics = new ServingMetrics();
    try (ServedChallenger challenger = new ServedChallenger(metrics.challenger())) {
      ChallengerFollower follower =
          new ChallengerFollower(
              clocked(),
              challenger,
              metrics.challenger(),
              modelId -> {
                if (modelId.equals("hanging")) {
                  awaitEnd();
                }
                return LoadedVersion.open(example);
              });
      Champion hanging = champion(1, "hanging");
      follower.follow(hanging, true);
      now = now.plus(Duration.ofMinutes(1));
      follower.follow(hanging, true);
      assertEquals(Optional.empty(), challenger.warning());
      now = now.plusSeconds(1);
      follower.follow(hanging, true);
      assertEquals(
          Optional.of(
              "The challenger hanging has no traffic here: it has been loading since"
                  + " 2026-11-05T06:00:00Z."),
          challenger.warning());

      Champion next = champion(2, "next");
      while (challenger.active().isEmpty()) {
        follower.follow(next, true);
        Thread.sleep(1);
      }
      assertEquals(Optional.empty(), challenger.warning());
      end.countDown();
    }
  }

  /** No step of this test asks for a store. */
  private StepContext clocked() {
    TestContext context = TestContext.withoutStore();
    Clock clock = ((InstantSource) () -> now).withZone(ZoneOffset.UTC);
    return new TestContext(context.run(), clock, context.settings(), context.source());
  }

  /** A pointer beside whose version a challenger has traffic. */
  private static Champion champion(long number, String challenger) {
    ChallengerTraffic traffic =
        new ChallengerTraffic(
            number,
            challenger,
            ChallengerTraffic.Mode.SHADOW,
            0,
            "2026-11-05T05:00:00Z",
            "kim",
            "newer",
            "task");
    return new Champion(
        "credit-default", "champion", null, "champion", null, 1, List.of(), traffic, number);
  }

  private void awaitEnd() {
    try {
      end.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
