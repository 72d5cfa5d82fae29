package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.judgement.DayOutcome.Status;
import retune.runtime.NotReadyException;
import retune.steps.Deployment;
import retune.testing.TestContext;

class WaitForModelReadyTest {
  @TempDir Path folder;
  private Deployment deployment;
  private String champion;
  private String candidate;

  @BeforeEach
  void start() {
    deployment = new Deployment(folder);
    champion = deployment.installChampion(1);
    candidate = deployment.register(Deployment.model(2, champion), VersionStatus.APPROVED);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void anApprovedVersionThatIsNotTheChampionIsReady() throws InterruptedException {
    markDeployed();
    deployment.writeOutcome(Status.RETRAINED, candidate, champion);
    WaitForModelReady.Output output = await();
    assertTrue(output.ready());
    assertEquals(candidate, output.modelId());
    assertEquals(deployment.models.get(candidate).modelVersion(), output.modelVersion());
  }

  @Test
  void anApprovedFirstChampionIsReadyUntilItIsDeployed() throws InterruptedException {
    deployment.writeOutcome(Status.APPROVED, champion, champion);
    assertTrue(await().ready());
    markDeployed();
    assertNotReady(champion + " is deployed already.");
  }

  @Test
  void nothingApprovedIsNotReady() throws InterruptedException {
    deployment.writeOutcome(Status.FAILED_MAX_RETRIES, champion, champion);
    assertNotReady("Nothing was approved: the evaluation ended as failed_max_retries.");
  }

  @Test
  void aVersionThatWasJudgedAgainstAnEarlierChampionIsNotReady() throws InterruptedException {
    String other = deployment.register(Deployment.model(3, champion), VersionStatus.APPROVED);
    deployment.writeOutcome(Status.RETRAINED, candidate, champion);
    deployment.champions.promote(
        deployment.champions.find(Deployment.MODEL).orElseThrow(), other, other);
    assertNotReady("credit-default was promoted to " + other + " meanwhile");
  }

  @Test
  void noOutcomeWithinTheWaitMeansLater() {
    NotReadyException later = assertThrows(NotReadyException.class, this::await);
    assertTrue(String.valueOf(later.getMessage()).contains("credit-default for 2026-11-05"));
  }

  @Test
  void anOutcomeThatComesWithinTheWaitIsSeen() throws InterruptedException {
    CompletableFuture<Void> later =
        CompletableFuture.runAsync(
            () -> deployment.writeOutcome(Status.APPROVED, champion, champion),
            CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS));
    assertTrue(await(30).ready());
    later.join();
  }

  private void assertNotReady(String reason) throws InterruptedException {
    WaitForModelReady.Output output = await();
    assertFalse(output.ready());
    assertNull(output.modelId());
    assertTrue(output.reason().contains(reason), output.reason());
  }

  private void markDeployed() {
    deployment.champions.markDeployed(
        deployment.champions.find(Deployment.MODEL).orElseThrow(), TestContext.NOW);
  }

  private WaitForModelReady.Output await() throws InterruptedException {
    return await(0);
  }

  private WaitForModelReady.Output await(int seconds) throws InterruptedException {
    return new WaitForModelReady()
        .run(
            new WaitForModelReady.Input(Deployment.MODEL, Deployment.DATE, null, seconds),
            deployment.context());
  }
}
