package retune.images;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.OutputFrame.OutputType;
import org.testcontainers.containers.startupcheck.StartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.AbstractImagePullPolicy;
import org.testcontainers.images.ImageData;
import org.testcontainers.utility.DockerImageName;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Containers of built images, locked down like their pods: no root, no capabilities, a read-only
 * file system.
 */
final class Containers {
  private static final String VERSION = System.getProperty("retune.version", "0.1.0");
  private static final int STORE_PORT = 27_018;
  private static final int MINUTES_TO_END = 3;

  private Containers() {}

  /** Exit code and output of a container. */
  record Ended(long exitCode, String out, String log) {
    JsonNode json() {
      return JsonMapper.shared().readTree(out);
    }

    String errorMessage() {
      return json().at("/error/message").stringValue();
    }

    String lastLogLine() {
      return log.lines().toList().getLast();
    }
  }

  /** A container that is not started yet. */
  static GenericContainer<?> container(String image, String... words) {
    GenericContainer<?> container =
        new GenericContainer<>(DockerImageName.parse(image + ":" + VERSION))
            .withImagePullPolicy(new NeverPulled())
            .withTmpFs(Map.of("/tmp", "rw"))
            .withCreateContainerCmdModifier(command -> lock(command.getHostConfig()));
    return words.length == 0 ? container : container.withCommand(words);
  }

  /** Runs a step's image to its end. */
  static Ended run(String step, Consumer<? super GenericContainer<?>> settings, String... words) {
    return runImage("retune/" + step.replace('_', '-'), settings, words);
  }

  /** Runs an image to its end. */
  static Ended runImage(
      String image, Consumer<? super GenericContainer<?>> settings, String... words) {
    try (GenericContainer<?> container = container(image, words)) {
      container.withStartupCheckStrategy(new UntilItEnds());
      settings.accept(container);
      container.start();
      return ended(container);
    }
  }

  /** Exit code and output of a container that has ended. */
  static Ended ended(GenericContainer<?> container) {
    ContainerState state = container.getCurrentContainerInfo().getState();
    return new Ended(
        Objects.requireNonNull(state.getExitCodeLong()),
        container.getLogs(OutputType.STDOUT),
        container.getLogs(OutputType.STDERR));
  }

  /** A document store with the name {@code store} in its network. */
  static GenericContainer<?> store(Network network) {
    return container("retune/store")
        .withNetwork(network)
        .withNetworkAliases("store")
        .withExposedPorts(STORE_PORT)
        .withTmpFs(Map.of("/data", "rw", "/tmp", "rw"))
        .waitingFor(Wait.forLogMessage("mongodb://.*\n", 1));
  }

  private static void lock(HostConfig host) {
    host.withReadonlyRootfs(true)
        .withCapDrop(Capability.ALL)
        .withSecurityOpts(List.of("no-new-privileges"));
  }

  /**
   * Waits until the container has ended, with any exit code. The strategies of Testcontainers ask
   * the daemon once a second, all together.
   */
  private static final class UntilItEnds extends StartupCheckStrategy {
    @Override
    public boolean waitUntilStartupSuccessful(DockerClient docker, String container) {
      docker.waitContainerCmd(container).start().awaitStatusCode(MINUTES_TO_END, TimeUnit.MINUTES);
      return true;
    }

    @Override
    public StartupStatus checkStartupState(DockerClient docker, String container) {
      throw new UnsupportedOperationException("Only the end is waited for.");
    }
  }

  /** Never pulls: an image that the daemon does not have is an error. */
  private static final class NeverPulled extends AbstractImagePullPolicy {
    @Override
    protected boolean shouldPullCached(DockerImageName image, ImageData local) {
      return false;
    }

    @Override
    public boolean shouldPull(DockerImageName image) {
      try {
        DockerClientFactory.lazyClient().inspectImageCmd(image.asCanonicalNameString()).exec();
        return false;
      } catch (NotFoundException e) {
        throw new IllegalStateException(image + " is not built. Run 'make images'.", e);
      }
    }
  }
}
