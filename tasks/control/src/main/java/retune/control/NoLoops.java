package retune.control;

import java.util.List;
import java.util.Optional;
import retune.runtime.http.Refusal;

/** A service that was told of nothing that runs the loop: it only tells. */
final class NoLoops implements LoopRuntime {
  @Override
  public Started retrain(Changes.Request request, boolean force) {
    throw refusal();
  }

  @Override
  public Started deploy(Changes.Request request, String partition) {
    throw refusal();
  }

  @Override
  public Started deployAndWait(Changes.Request request, String partition) {
    throw refusal();
  }

  @Override
  public Started rollBack(
      Changes.Request request, Optional<String> version, String replaces, String reason) {
    throw refusal();
  }

  @Override
  public boolean isThere() {
    return false;
  }

  @Override
  public List<Job> jobs(String model) {
    return List.of();
  }

  @Override
  public void schedule(Changes.Request request, boolean on) {
    throw refusal();
  }

  @Override
  public void close() {}

  private static Refusal refusal() {
    return new Refusal(
        501,
        "This service knows nothing that runs the loop; set RETUNE_AIRFLOW_URL, or start it with"
            + " --runtime process.");
  }
}
