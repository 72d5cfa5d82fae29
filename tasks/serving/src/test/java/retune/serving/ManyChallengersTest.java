package retune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.ref.WeakReference;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.model.ChallengerTraffic;
import retune.model.ModelFolder;
import retune.serving.challenger.ServedChallenger;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;
import retune.serving.querylog.AnsweredRequest;

/** Challengers that come and go in a service that runs for months. */
class ManyChallengersTest {
  private static final ModelFolder.Content CHALLENGER = Examples.withThreshold(0.001);
  private static final Table ROW = row();

  @Test
  void fiftyChallengersThatCameAndWentLeaveNoThreadAndNoMemory() throws Exception {
    List<WeakReference<LoadedVersion>> loaded = new ArrayList<>();
    try (ServedChallenger challenger = new ServedChallenger(new ServingMetrics().challenger())) {
      for (int number = 1; number <= 50; number++) {
        loaded.add(comeAndGo(challenger, number));
      }
      RunningService.await("the threads' end", () -> threads() == 0);
      RunningService.await("the versions' end", () -> collected(loaded) == 50);
    }
  }

  /** Answers a request and scores one, as a canary does. */
  private static WeakReference<LoadedVersion> comeAndGo(ServedChallenger challenger, int number)
      throws Exception {
    LoadedVersion version = LoadedVersion.open(CHALLENGER);
    challenger.start(traffic(number), version);
    ServedChallenger.Active active = challenger.active().orElseThrow();
    List<Prediction> answered = active.answer(ROW).predictions();
    CompletableFuture<List<Prediction>> scored = new CompletableFuture<>();
    active.score(
        new AnsweredRequest(
            "request", Instant.EPOCH, Examples.MODEL.version(), ROW, answered, 300, null),
        1_000_000,
        predictions -> scored.complete(Objects.requireNonNull(predictions)));
    assertEquals(
        answered.getFirst().answeredClass(),
        scored.get(1, TimeUnit.MINUTES).getFirst().answeredClass());
    challenger.end();
    return new WeakReference<>(version);
  }

  private static Table row() {
    List<Column> columns = new ArrayList<>();
    Examples.row()
        .forEach(
            (name, value) ->
                columns.add(
                    value instanceof Number number
                        ? new Column.Numbers(name, new double[] {number.doubleValue()})
                        : new Column.Texts(name, new @Nullable String[] {value.toString()})));
    return new Table(columns);
  }

  private static ChallengerTraffic traffic(int number) {
    return new ChallengerTraffic(
        number,
        CHALLENGER.version().modelId(),
        ChallengerTraffic.Mode.CANARY,
        0.5,
        "2026-11-05T06:00:00Z",
        "kim",
        "newer",
        "task");
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().matches("shadow|canary-.*"))
        .count();
  }

  private static long collected(List<WeakReference<LoadedVersion>> loaded) {
    System.gc();
    return loaded.stream().filter(reference -> reference.refersTo(null)).count();
  }
}
