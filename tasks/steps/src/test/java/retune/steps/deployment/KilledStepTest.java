package retune.steps.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Comparator;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.Metric;
import retune.judgement.DayOutcome.Status;
import retune.model.ModelFolder;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.steps.Deployment;
import retune.steps.authoring.RegisterModel;
import retune.steps.data.CollectQueries;
import retune.steps.evaluation.PairedQueries;
import retune.steps.evaluation.WeighChallenger;
import retune.testing.CutConnection;
import retune.testing.LoggedQueries;
import retune.testing.TestContext;

/** A step that dies around any of its writes and runs again leaves what an undisturbed one does. */
@Tag("slow")
class KilledStepTest {
  @TempDir Path folder;

  /** What is killed and runs again. */
  interface Work {
    void run(StepContext context) throws IOException;
  }

  @ParameterizedTest
  @EnumSource
  void deployModel(CutConnection.Moment moment) throws IOException {
    String champion = Deployment.model(1, null).version().modelId();
    String modelId = Deployment.model(2, champion).version().modelId();
    assertSurvivesDeath(
        moment,
        5,
        deployment -> {
          deployment.installChampion(1);
          deployment.register(Deployment.model(2, champion), VersionStatus.APPROVED);
          deployment.writeOutcome(Status.RETRAINED, modelId, champion);
        },
        context ->
            new DeployModel()
                .run(
                    new DeployModel.Input(Deployment.MODEL, modelId, Deployment.DATE, null),
                    context));
  }

  @ParameterizedTest
  @EnumSource
  void rollback(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        7,
        KilledStepTest::deployTwo,
        context ->
            new Rollback()
                .run(new Rollback.Input(Deployment.MODEL, null, "too slow", "kim", null), context));
  }

  @ParameterizedTest
  @EnumSource
  void releaseVersion(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        2,
        deployment -> {
          deployTwo(deployment);
          new Rollback()
              .run(
                  new Rollback.Input(Deployment.MODEL, null, "too slow", "kim", null),
                  deployment.context());
        },
        context ->
            new ReleaseVersion()
                .run(
                    new ReleaseVersion.Input(
                        Deployment.model(2, null).version().modelId(), "faster now", "kim"),
                    context));
  }

  @ParameterizedTest
  @EnumSource
  void approve(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        3,
        KilledStepTest::askAboutTheSecond,
        context -> new Approve().run(answer(), context));
  }

  @ParameterizedTest
  @EnumSource
  void reject(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        2,
        KilledStepTest::askAboutTheSecond,
        context -> new Reject().run(answer(), context));
  }

  @ParameterizedTest
  @EnumSource
  void startChallenger(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        2,
        KilledStepTest::registerTwo,
        context -> new StartChallenger().run(challenger(0.1), context));
  }

  /** Another share, while the challenger has traffic already. */
  @ParameterizedTest
  @EnumSource
  void startChallengerAgain(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        2,
        KilledStepTest::startTheSecond,
        context ->
            new StartChallenger()
                .run(challenger(0.2), ((TestContext) context).inRun("the next run")));
  }

  @ParameterizedTest
  @EnumSource
  void abortChallenger(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        2,
        KilledStepTest::startTheSecond,
        context ->
            new AbortChallenger()
                .run(
                    new AbortChallenger.Input(Deployment.MODEL, null, "too slow", "kim"), context));
  }

  @ParameterizedTest
  @EnumSource
  void promoteChallenger(CutConnection.Moment moment) throws IOException {
    assertSurvivesDeath(
        moment,
        2,
        KilledStepTest::startTheSecond,
        context ->
            new PromoteChallenger()
                .run(
                    new PromoteChallenger.Input(Deployment.MODEL, null, "better", "kim"), context));
  }

  /** Of a challenger that is proved worse, which loses its traffic. */
  @ParameterizedTest
  @EnumSource
  void weighChallenger(CutConnection.Moment moment) throws IOException {
    String champion = Deployment.model(1, null).version().modelId();
    String second = Deployment.model(2, null).version().modelId();
    assertSurvivesDeath(
        moment,
        5,
        deployment -> {
          startTheSecond(deployment);
          new PairedQueries(deployment.store, Deployment.MODEL, champion, second)
              .day(Deployment.DATE, 1_000, 0.95, 0.7)
              .label(Deployment.DATE);
        },
        context ->
            new WeighChallenger()
                .run(
                    new WeighChallenger.Input(
                        Deployment.MODEL, Deployment.DATE, Metric.ACCURACY, 0.8, 14),
                    ((TestContext) context).at(TestContext.NOW.plus(Duration.ofDays(20)))));
  }

  private static StartChallenger.Input challenger(double fraction) {
    String modelId = Deployment.model(2, null).version().modelId();
    return new StartChallenger.Input(modelId, fraction, "newer", "kim");
  }

  private static void registerTwo(Deployment deployment) {
    deployment.installChampion(1);
    deployment.register(Deployment.model(2, null), VersionStatus.CHALLENGER);
  }

  private static void startTheSecond(Deployment deployment) {
    registerTwo(deployment);
    new StartChallenger().run(challenger(0.1), deployment.context());
  }

  private static Approvals.Input answer() {
    String modelId = Deployment.model(2, null).version().modelId();
    return new Approvals.Input(modelId, null, "better than nothing", "kim");
  }

  private static void askAboutTheSecond(Deployment deployment) {
    String champion = deployment.installChampion(1);
    String second = deployment.register(Deployment.model(2, null), VersionStatus.CHALLENGER);
    deployment.writeQuestion(second, champion);
  }

  /** Verification of a version whose files are damaged, which ends with its rollback. */
  @ParameterizedTest
  @EnumSource
  void verifyDeployment(CutConnection.Moment moment) throws IOException {
    String modelId = Deployment.model(2, null).version().modelId();
    assertSurvivesDeath(
        moment,
        7,
        deployment -> {
          deployTwo(deployment);
          Files.delete(folder.resolve("deployed/credit-default/current.json"));
        },
        context -> {
          try {
            new VerifyDeployment()
                .run(new VerifyDeployment.Input(Deployment.MODEL, modelId, 0), context);
          } catch (InvalidInputException failure) {
            assertTrue(
                String.valueOf(failure.getMessage()).contains("is rolled back from " + modelId),
                failure::getMessage);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
  }

  private static void deployTwo(Deployment deployment) throws IOException {
    deployment.installChampion(1);
    String second = deployment.register(Deployment.model(2, null), VersionStatus.APPROVED);
    new DeployModel()
        .run(new DeployModel.Input(Deployment.MODEL, second, null, null), deployment.context());
  }

  @ParameterizedTest
  @EnumSource
  void registerModel(CutConnection.Moment moment) throws IOException {
    Path files = folder.resolve("files");
    ModelFolder.write(files, Deployment.model(1, null));
    assertSurvivesDeath(
        moment,
        5,
        deployment -> {},
        context ->
            new RegisterModel()
                .run(new RegisterModel.Input(files.toString(), true, false), context));
  }

  /** Collection of a day of which more queries have come since. */
  @ParameterizedTest
  @EnumSource
  void collectQueries(CutConnection.Moment moment) throws IOException {
    LocalDate day = Deployment.DATE.minusDays(1);
    String champion = Deployment.model(1, null).version().modelId();
    Work collect =
        context ->
            new CollectQueries()
                .run(new CollectQueries.Input(Deployment.MODEL, day, "query_id", null, 0), context);
    assertSurvivesDeath(
        moment,
        8,
        deployment -> {
          deployment.installChampion(1);
          new LoggedQueries(Deployment.MODEL, day)
              .row("a", champion, "1", 0.9, Map.of("n0", 1, "n1", 2))
              .write(deployment.store, "first");
          collect.run(deployment.context());
          new LoggedQueries(Deployment.MODEL, day)
              .row("b", champion, "1", 0.9, Map.of("n0", 3, "n1", 4))
              .write(deployment.store, "second");
        },
        collect);
  }

  /** What is there before. */
  interface Preparation {
    void on(Deployment deployment) throws IOException;
  }

  private void assertSurvivesDeath(
      CutConnection.Moment moment, int writes, Preparation preparation, Work work)
      throws IOException {
    Map<String, String> expected;
    try (Deployment undisturbed = fresh()) {
      preparation.on(undisturbed);
      work.run(undisturbed.context());
      expected = undisturbed.everything();
    }
    for (int write = 1; write <= writes + 1; write++) {
      try (Deployment deployment = fresh()) {
        preparation.on(deployment);
        boolean broke = die(deployment, write, moment, work);
        assertEquals(write <= writes, broke, "the step has " + writes + " writes");
        assertChampionMayServe(deployment);
        work.run(deployment.context());
        assertEquals(expected, deployment.everything(), "killed at write " + write);
      }
    }
  }

  private static void assertChampionMayServe(Deployment deployment) {
    deployment
        .champions
        .find(Deployment.MODEL)
        .ifPresent(
            champion ->
                assertTrue(
                    deployment.models.status(champion.modelId()).mayServe(), champion::toString));
  }

  private static boolean die(
      Deployment deployment, int write, CutConnection.Moment moment, Work work) throws IOException {
    try (CutConnection connection = new CutConnection(deployment.uri(), write, moment);
        DocumentStore through = Deployment.open(connection.uri())) {
      try {
        work.run(deployment.context(through));
      } catch (RuntimeException e) {
        assertTrue(connection.broke(), e::toString);
      }
      return connection.broke();
    }
  }

  /** An empty store and an empty deployment folder, of the same name each time. */
  private Deployment fresh() throws IOException {
    Path deployed = folder.resolve("deployed");
    try (Stream<Path> files =
        Files.exists(deployed) ? Files.walk(deployed) : Stream.<Path>empty()) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    return new Deployment(Files.createDirectory(deployed));
  }
}
