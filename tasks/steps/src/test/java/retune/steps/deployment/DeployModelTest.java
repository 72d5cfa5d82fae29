package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.judgement.DayOutcome;
import retune.judgement.DayOutcome.Status;
import retune.model.Champions.Champion;
import retune.model.CodeTrust;
import retune.model.DeploymentFolder;
import retune.model.ModelFolder;
import retune.steps.Deployment;
import retune.testing.TestContext;

class DeployModelTest {
  @TempDir Path folder;
  private Deployment deployment;
  private String champion;
  private ModelFolder.Content content;
  private String candidate;

  @BeforeEach
  void start() {
    deployment = new Deployment(folder);
    champion = deployment.installChampion(1);
    content = Deployment.model(2, champion);
    candidate = deployment.register(content, VersionStatus.APPROVED);
    deployment.writeOutcome(Status.RETRAINED, candidate, champion);
  }

  @AfterEach
  void close() {
    deployment.close();
  }

  @Test
  void anApprovedVersionFollowsTheChampion() throws IOException {
    DeployModel.Output output = deploy(candidate);
    assertTrue(output.changed());
    assertEquals(candidate, output.modelId());
    assertEquals(champion, output.previousModelId());
    assertEquals(TestContext.NOW.toString(), output.deploymentTimestamp());
    assertEquals(
        new Champion(
            Deployment.MODEL,
            candidate,
            champion,
            champion,
            TestContext.NOW.toString(),
            2,
            List.of(),
            null,
            0),
        champion());
    assertEquals(VersionStatus.DEPLOYED, deployment.models.status(candidate));
    assertEquals(VersionStatus.RETIRED, deployment.models.status(champion));
  }

  @Test
  void theFilesAreExportedAndNamedByTheMarker() throws IOException {
    DeployModel.Output output = deploy(candidate);
    Path expected = folder.resolve(Deployment.MODEL).resolve(output.modelVersion());
    assertEquals(expected.toString(), output.deploymentPath());
    assertEquals(candidate, ModelFolder.read(expected, CodeTrust.REFUSED).version().modelId());
    assertEquals(
        candidate,
        new DeploymentFolder(folder, Deployment.MODEL).current().orElseThrow().modelId());
  }

  @Test
  void theEventHasTheFieldsThatDashboardsRead() throws IOException {
    DeployModel.Output output = deploy(candidate);
    Document event =
        deployment
            .store
            .events()
            .find("deployment_events", "deployment/credit-default/2026-11-05/run")
            .orElseThrow();
    assertEquals("model_deployed", event.getString("event_type"));
    assertEquals(candidate, event.getString("model_id"));
    assertEquals(output.modelVersion(), event.getString("model_version"));
    assertEquals(output.deploymentPath(), event.getString("deployment_path"));
    assertEquals("deployed", event.getString("status"));
    assertEquals(champion, event.getString("previous_model_id"));
    assertEquals("2026-11-05", event.getString("logical_date"));
    assertEquals(2, event.getLong("revision"));
    assertEquals(outcome().message(), event.getString("reason"));
    assertEquals("run", event.getString("run_id"));
    assertTrue(event.containsKey("timestamp"));
  }

  private DayOutcome outcome() {
    return DayOutcome.latest(deployment.store, Deployment.MODEL, Deployment.DATE).orElseThrow();
  }

  @Test
  void deployingWhatIsDeployedChangesNothingAndSaysSo() throws IOException {
    DeployModel.Output first = deploy(candidate);
    Map<String, String> before = deployment.everything();
    DeployModel.Output second =
        new DeployModel()
            .run(
                new DeployModel.Input(Deployment.MODEL, candidate, Deployment.DATE, null),
                deployment.context().at(TestContext.NOW.plusSeconds(60)).inRun("another"));
    assertFalse(second.changed());
    assertEquals(candidate + " was deployed before; nothing changed.", second.message());
    assertEquals(first.deploymentTimestamp(), second.deploymentTimestamp());
    assertEquals(before, deployment.everything());
  }

  @Test
  void theFirstChampionIsDeployedWithoutAPredecessor() throws IOException {
    deployment.writeOutcome(Status.APPROVED, champion, champion);
    DeployModel.Output output = deploy(champion);
    assertTrue(output.changed());
    assertNull(output.previousModelId());
    assertEquals(VersionStatus.DEPLOYED, deployment.models.status(champion));
    assertEquals(1, champion().revision());
  }

  @Test
  void withoutADeploymentFolderTheStoreAloneIsChanged() throws IOException {
    DeployModel.Output output =
        new DeployModel()
            .run(
                new DeployModel.Input(Deployment.MODEL, candidate, null, null),
                TestContext.of(deployment.store));
    assertEquals("weights/" + content.version().weightsHash(), output.deploymentPath());
    assertTrue(champion().deployed());
    try (var files = Files.list(folder)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void onlyAnApprovedVersionIsDeployed() {
    String unjudged = deployment.register(Deployment.model(3, champion), VersionStatus.CANDIDATE);
    assertOnlyApproved(unjudged + " is candidate", unjudged);
    deployment.models.move(candidate, VersionStatus.Event.REJECT, "");
    assertOnlyApproved(candidate + " is rejected", candidate);
    deployment.models.move(candidate, VersionStatus.Event.APPROVE, "");
    deployment.models.move(candidate, VersionStatus.Event.RETIRE, "");
    assertOnlyApproved(candidate + " is retired", candidate);
  }

  @Test
  void aRetiredVersionThatAnEvaluationApprovesAgainIsDeployedAgain() throws IOException {
    deploy(candidate, null);
    deployment.models.move(champion, VersionStatus.Event.APPROVE, "Passed again");
    deploy(champion, null);
    assertEquals(champion, champion().modelId());
    assertEquals(VersionStatus.DEPLOYED, deployment.models.status(champion));
    assertEquals(VersionStatus.RETIRED, deployment.models.status(candidate));
  }

  private void assertOnlyApproved(String sentence, String modelId) {
    Map<String, String> before = deployment.everything();
    assertRefused(
        sentence + "; only a version that an evaluation approved can be deployed.",
        () -> deploy(modelId));
    assertEquals(before, deployment.everything());
  }

  @Test
  void aVersionThatTheDaysEvaluationDidNotApproveIsRefused() {
    String other = deployment.register(Deployment.model(3, champion), VersionStatus.APPROVED);
    assertRefused("for 2026-11-05 did not approve " + other, () -> deploy(other));
    assertRefused(
        "for 2026-11-06 did not approve " + candidate,
        () -> deploy(candidate, LocalDate.parse("2026-11-06")));
  }

  @Test
  void aVersionThatWasJudgedAgainstAnEarlierChampionIsRefused() throws IOException {
    String other = deployment.register(Deployment.model(3, champion), VersionStatus.APPROVED);
    deploy(other, null);
    Map<String, String> before = deployment.everything();
    assertRefused(
        "credit-default was promoted to " + other + " meanwhile", () -> deploy(candidate));
    assertEquals(before, deployment.everything());
  }

  @Test
  void aVersionOfAnotherModelIsRefused() {
    assertRefused(
        "is a version of credit-default, not of other",
        () ->
            new DeployModel()
                .run(new DeployModel.Input("other", candidate, null, null), deployment.context()));
  }

  @Test
  void damagedWeightsAreRefusedBeforeAnythingMoves() {
    deployment.store.collection("fs.chunks").drop();
    assertRefused("damaged", () -> deploy(candidate));
    assertEquals(champion, champion().modelId());
  }

  @Test
  void racingDeploymentsLeaveOneChampionAndClearLosers() throws Exception {
    List<String> racers = new ArrayList<>();
    for (int seed = 10; seed < 18; seed++) {
      racers.add(deployment.register(Deployment.model(seed, champion), VersionStatus.APPROVED));
    }
    List<Future<DeployModel.Output>> results = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(racers.size())) {
      for (String racer : racers) {
        results.add(executor.submit(() -> deploy(racer, null)));
      }
    }
    // Whoever reads the champion after another's promotion follows it fairly; whoever read it
    // before loses with a sentence. Either way pointer and statuses agree in the end.
    for (Future<DeployModel.Output> result : results) {
      try {
        result.get();
      } catch (ExecutionException e) {
        assertInstanceOf(InvalidInputException.class, e.getCause());
        assertTrue(String.valueOf(e.getMessage()).contains("meanwhile"), e.getMessage());
      }
    }
    assertTrue(champion().deployed());
    List<String> deployed =
        racers.stream()
            .filter(racer -> deployment.models.status(racer) == VersionStatus.DEPLOYED)
            .toList();
    assertEquals(List.of(champion().modelId()), deployed);
    assertEquals(VersionStatus.RETIRED, deployment.models.status(champion));
    assertEquals(
        champion().modelId(),
        new DeploymentFolder(folder, Deployment.MODEL).current().orElseThrow().modelId());
  }

  private Champion champion() {
    return deployment.champions.find(Deployment.MODEL).orElseThrow();
  }

  private DeployModel.Output deploy(String modelId) throws IOException {
    return deploy(modelId, Deployment.DATE);
  }

  private DeployModel.Output deploy(String modelId, @Nullable LocalDate date) throws IOException {
    return new DeployModel()
        .run(new DeployModel.Input(Deployment.MODEL, modelId, date, null), deployment.context());
  }
}
