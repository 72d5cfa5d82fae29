package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.Wait;
import retune.images.Containers.Ended;
import tools.jackson.databind.json.JsonMapper;

/** The prediction service in a container that is locked down like its pod. */
@Tag("images")
class ServingContainerTest {
  private static final String EXAMPLE = Path.of("../examples/credit-default").toString();
  private static final String READY = "/v2/health/ready";
  private static final int PORT = 8090;
  private static final String HERE = "http://127.0.0.1:" + PORT;

  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void servesAChampionThatIsRegisteredLaterUntilSigterm() throws Exception {
    try (Network network = Network.newNetwork();
        GenericContainer<?> store = Containers.store(network);
        GenericContainer<?> serving =
            service("retune/serving", "--model", "credit-default", "--refresh-seconds", "0.2")) {
      store.start();
      connect(serving, network);
      serving.waitingFor(Wait.forHttp("/v2/health/live").forPort(PORT)).start();
      assertEquals(503, get(serving, READY).statusCode());
      assertEquals(1, probe(serving, HERE + READY).getExitCode());
      assertEquals(0, probe(store, "tcp://127.0.0.1:27018").getExitCode());
      assertEquals(1, probe(store, "tcp://127.0.0.1:27019").getExitCode());

      Ended registered =
          Containers.run(
              "register_model",
              step -> {
                connect(step, network);
                step.withFileSystemBind(EXAMPLE, "/example", BindMode.READ_ONLY);
              },
              "--path",
              "/example/finetuned",
              "--champion");
      assertEquals(0, registered.exitCode(), registered.log());
      awaitReady(serving);
      assertPredicts(serving);

      Ended ended = stop(serving);
      assertEquals(143, ended.exitCode(), ended.log());
      assertEquals(1, ended.out().lines().count(), "one JSON object and nothing else");
      assertEquals(1, ended.json().get("predictions").intValue());
    }
  }

  @Test
  void servesAFolderWithoutAStore() throws Exception {
    try (GenericContainer<?> serving = service("retune/serving", "--model-file", "/model")) {
      serving.withFileSystemBind(EXAMPLE + "/finetuned", "/model", BindMode.READ_ONLY);
      serving.waitingFor(Wait.forHttp(READY).forPort(PORT)).start();
      assertPredicts(serving);
      assertEquals(0, probe(serving, HERE + READY).getExitCode());
      ExecResult predicted = probe(serving, HERE + "/predict", HERE + "/example");
      assertTrue(predicted.getStdout().contains("\"prediction_class\""), predicted.toString());
      assertTrue(
          get(serving, "/metrics").body().contains("process_cpu_seconds_total"),
          "the image's Java measures the process");
      assertEquals(143, stop(serving).exitCode());
    }
  }

  private static GenericContainer<?> service(String image, String... words) {
    return Containers.container(image, words).withExposedPorts(PORT);
  }

  /** The health check of compose.yaml, and the test pod's prediction. */
  private static ExecResult probe(GenericContainer<?> container, String... addresses)
      throws IOException, InterruptedException {
    List<String> command =
        List.of("/opt/java/bin/java", "-XX:TieredStopAtLevel=1", "-cp", "/opt/probe", "Probe");
    return container.execInContainer(
        Stream.concat(command.stream(), Stream.of(addresses)).toArray(String[]::new));
  }

  private static void connect(GenericContainer<?> container, Network network) {
    container.withNetwork(network).withEnv("RETUNE_MONGO_URI", "mongodb://store:27018/retune");
  }

  private static Ended stop(GenericContainer<?> serving) {
    var docker = DockerClientFactory.lazyClient();
    docker.killContainerCmd(serving.getContainerId()).withSignal("TERM").exec();
    docker.waitContainerCmd(serving.getContainerId()).start().awaitStatusCode();
    return Containers.ended(serving);
  }

  private void awaitReady(GenericContainer<?> serving) throws IOException, InterruptedException {
    long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    while (get(serving, READY).statusCode() != 200) {
      assertTrue(System.nanoTime() < end, serving.getLogs());
      Thread.sleep(100);
    }
  }

  private void assertPredicts(GenericContainer<?> serving)
      throws IOException, InterruptedException {
    HttpResponse<String> answer =
        client.send(
            HttpRequest.newBuilder(address(serving, "/predict"))
                .POST(BodyPublishers.ofString(get(serving, "/example").body()))
                .build(),
            BodyHandlers.ofString());
    assertEquals(200, answer.statusCode(), answer.body());
    assertEquals(
        "0", JsonMapper.shared().readTree(answer.body()).get("prediction_class").stringValue());
  }

  private HttpResponse<String> get(GenericContainer<?> serving, String path)
      throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(address(serving, path)).build(), BodyHandlers.ofString());
  }

  private static URI address(GenericContainer<?> serving, String path) {
    return URI.create("http://127.0.0.1:" + serving.getMappedPort(PORT) + path);
  }
}
