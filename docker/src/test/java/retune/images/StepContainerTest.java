package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import retune.images.Containers.Ended;

/** A step in its container: results, signals, limits and restrictions. */
@Tag("images")
class StepContainerTest {
  private static final long MEGABYTE = 1 << 20;

  private static final Network NETWORK = Network.newNetwork();
  private static final GenericContainer<?> STORE = Containers.store(NETWORK);

  @TempDir Path folder;

  @BeforeAll
  static void startStore() {
    STORE.start();
  }

  @AfterAll
  static void stopStore() {
    STORE.stop();
    NETWORK.close();
  }

  private static void connect(GenericContainer<?> step) {
    step.withNetwork(NETWORK).withEnv("RETUNE_MONGO_URI", "mongodb://store:27018/retune");
  }

  private void mountResults(GenericContainer<?> step) {
    connect(step);
    step.withFileSystemBind(folder.toString(), "/airflow/xcom", BindMode.READ_WRITE);
  }

  @Test
  void theResultGoesToAMountedXcomFolder() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));

    Ended ended = Containers.run("load_latest_model", this::mountResults, "--model", "none");

    assertEquals(50, ended.exitCode(), ended.log());
    assertEquals("", ended.out());
    assertTrue(Files.readString(folder.resolve("return.json")).startsWith("{\"error\":"));
  }

  @Test
  void anXcomFolderThatIsNotWritableIsNamedWithTheUser() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));

    Ended ended = Containers.run("load_latest_model", this::mountResults, "--model", "none");

    assertEquals(50, ended.exitCode());
    assertEquals(
        "The result cannot be written to '/airflow/xcom/return.json' by user 65532; create its folder and make it writable for that user.",
        ended.errorMessage());
  }

  @Test
  void sigtermEndsAWaitingStepWith143() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        GenericContainer<?> step =
            Containers.container("retune/load-latest-model", "--model", "none")) {
      // A store that is asked and never answers, so that the step waits.
      step.withNetworkMode("host");
      step.withEnv("RETUNE_MONGO_URI", "mongodb://127.0.0.1:" + silent.getLocalPort() + "/retune");
      step.withEnv("RETUNE_STORE_WAIT", "120");
      step.start();
      var docker = DockerClientFactory.lazyClient();
      silent.setSoTimeout(120_000);
      Socket asking = silent.accept(); // until the JVM has started, which would end the same way
      docker.killContainerCmd(step.getContainerId()).withSignal("TERM").exec();
      docker.waitContainerCmd(step.getContainerId()).start().awaitStatusCode();

      Ended ended = Containers.ended(step);
      assertEquals(143, ended.exitCode(), ended.log());
      assertEquals("The step was stopped by a signal.", ended.errorMessage());
      asking.close();
    }
  }

  @Test
  void aStepThatRunsOutOfMemorySaysSoInItsLastLine() throws IOException {
    Path table = folder.resolve("large.csv");
    Files.writeString(table, "a,b,c\n" + "1.5,2.5,yes\n3.5,1.5,no\n".repeat(2_000_000));

    Ended ended =
        Containers.run(
            "learn_distribution",
            step ->
                step.withFileSystemBind(table.toString(), "/large.csv", BindMode.READ_ONLY)
                    .withCreateContainerCmdModifier(
                        command -> command.getHostConfig().withMemory(256 * MEGABYTE)),
            "--model",
            "m",
            "--data",
            "/large.csv",
            "--target",
            "c",
            "--output",
            "/tmp/distribution.json");

    assertEquals(1, ended.exitCode(), ended.log());
    assertTrue(ended.lastLogLine().contains("The step ran out of memory"), ended.lastLogLine());
  }

  @Test
  void aSecretOnTheCommandLineIsRefused() {
    Ended ended =
        Containers.run(
            "load_latest_model", step -> {}, "--model", "mongodb://a:hunter22@db/retune");

    assertEquals(50, ended.exitCode());
    assertTrue(ended.errorMessage().contains("RETUNE_MONGO_URI_FILE"), ended.errorMessage());
  }

  @Test
  void aClassArchiveThatDoesNotFitIsIgnoredWithAWarning() throws IOException {
    Path other = Files.writeString(folder.resolve("retune.aot"), "no archive");

    Ended ended =
        Containers.run(
            "load_latest_model",
            step ->
                step.withFileSystemBind(
                    other.toString(), "/opt/retune/retune.aot", BindMode.READ_ONLY),
            "--help");

    assertEquals(0, ended.exitCode(), ended.log());
    assertTrue(ended.out().startsWith("load_latest_model"));
    assertTrue(ended.log().contains("AOT cache"), ended.log());
  }

  @Test
  void thereIsNoShell() {
    try (GenericContainer<?> container = Containers.container("retune/evaluate-model")) {
      container.withCreateContainerCmdModifier(command -> command.withEntrypoint("/bin/sh"));
      Throwable refused = assertThrows(RuntimeException.class, container::start);
      while (refused.getCause() != null) {
        refused = refused.getCause();
      }
      assertTrue(refused.toString().contains("no such file"), refused.toString());
    }
  }
}
