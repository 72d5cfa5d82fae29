package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static retune.testing.Refusals.assertRefused;

import com.mongodb.client.model.Filters;
import java.nio.file.Path;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.steps.Deployment;
import retune.testing.TestContext;

class NotifyDeploymentCompleteTest {
  @TempDir Path folder;
  private Deployment deployment;
  private String champion;

  @BeforeEach
  void start() {
    deployment = new Deployment(folder);
    champion = deployment.installChampion(1);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void aDeploymentIsToldOnceHoweverOftenTheStepRuns() {
    deployment.champions.markDeployed(
        deployment.champions.find(Deployment.MODEL).orElseThrow(), TestContext.NOW);
    NotifyDeploymentComplete.Output first = announce();
    assertEquals(first, announce());
    assertEquals("deployment/credit-default/1", first.notificationId());
    assertEquals("Model 20260109_101501 deployed successfully", first.message());
    assertEquals("not configured", first.delivered().get("webhook"));
    assertEquals(1, deployment.store.collection("notifications").countDocuments());
    Document document =
        Objects.requireNonNull(
            deployment
                .store
                .collection("notifications")
                .find(Filters.eq(first.notificationId()))
                .first());
    assertEquals("deployment_complete", document.getString("type"));
    assertEquals(champion, document.getString("model_id"));
    assertEquals("20260109_101501", document.getString("model_version"));
    assertEquals(first.message(), document.getString("message"));
    assertEquals(TestContext.NOW.toString(), document.getString("timestamp"));
  }

  @Test
  void aVersionThatIsNotInProductionIsNotAnnounced() {
    assertRefused(champion + " is not in production", this::announce);
  }

  private NotifyDeploymentComplete.Output announce() {
    return new NotifyDeploymentComplete()
        .run(new NotifyDeploymentComplete.Input(Deployment.MODEL, champion), deployment.context());
  }
}
