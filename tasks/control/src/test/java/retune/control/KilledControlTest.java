package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.model.Sorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.runtime.store.DocumentStore;
import retune.testing.CutConnection;

/**
 * The service dies at each write of a call, and whoever made the call makes it again, at another
 * service. That a run of the loop survives the same is shown where its steps are tested.
 */
class KilledControlTest {
  private static final LocalDate DAY = LocalDate.of(2026, 11, 4);
  private static final String TOKEN = "0123456789abcdefghijklmnop";
  private static final Path TOKENS = RunningControl.tokenFile("ops " + TOKEN + "\n");
  private static final RunningControl CONTROL =
      new RunningControl(Map.of("RETUNE_AIRFLOW_URL", "http://127.0.0.1:1"), null, TOKENS);

  @AfterAll
  static void stop() throws IOException {
    CONTROL.close();
    Files.delete(TOKENS);
  }

  @ParameterizedTest
  @CsvSource({
    "/retrain/abtest/start, AFTER_WRITE",
    "/retrain/abtest/stop, AFTER_WRITE",
    "/retrain/abtest/promote, BEFORE_WRITE",
    "/retrain/abtest/promote, AFTER_WRITE",
    "/approve, AFTER_WRITE"
  })
  void aCallThatIsMadeAgainEndsAsAnUndisturbedOne(String call, CutConnection.Moment moment)
      throws Exception {
    String body = prepared(call);
    int answer = CONTROL.post(call, body).statusCode();
    List<String> undisturbed = state();

    boolean died = true;
    for (int write = 1; died; write++) {
      prepared(call);
      died = diesAt(write, moment, call, body);
      assertTrue(died || write > 2, "the call has several writes");
      CONTROL.pass(Duration.ofMinutes(3)); // the turn of the service that died is over then

      assertEquals(answer, CONTROL.post(call, body).statusCode(), "after write " + write);
      assertEquals(undisturbed, state(), "after write " + write);
    }
  }

  /** Whether the call has so many writes; the service has no store any more from this one on. */
  private static boolean diesAt(int write, CutConnection.Moment moment, String call, String body)
      throws Exception {
    try (CutConnection cut = new CutConnection(CONTROL.store().uri(), write, moment)) {
      DocumentStore connection =
          DocumentStore.open(cut.uri(), Duration.ofMinutes(1), Clock.systemUTC());
      try (RunningControl dying = CONTROL.beside(connection);
          ExecutorService caller = Executors.newVirtualThreadPerTaskExecutor()) {
        dying.useToken(TOKEN);
        Future<?> answered = caller.submit(() -> dying.post(call, body));
        while (!cut.broke() && !answered.isDone()) {
          Thread.sleep(2);
        }
        if (cut.broke()) {
          connection.close(); // so that it does not wait for the store
        }
        answered.get();
        return cut.broke();
      } finally {
        connection.close();
      }
    }
  }

  /** What the call needs: a champion, a version beside it, traffic or a question; its body. */
  private static String prepared(String call) throws Exception {
    CONTROL.clear();
    CONTROL.useToken(TOKEN);
    if (call.equals("/approve")) {
      Outcomes.ask(CONTROL, DAY, "It is better.");
      return "{\"request_id\": \"credit/%s/0123456789ab\"}".formatted(DAY);
    }
    CONTROL.register("credit");
    String body = "{\"version_id\": \"%s\"}".formatted(CONTROL.register("credit", 0.3, false));
    if (!call.equals("/retrain/abtest/start")) {
      assertEquals(200, CONTROL.post("/retrain/abtest/start", body).statusCode());
    }
    return body;
  }

  /** Whatever the call decides, without its times. */
  private static List<String> state() {
    List<String> state = new ArrayList<>();
    Champions.Champion pointer = new Champions(CONTROL.store().documents()).get("credit");
    state.add(pointer.modelId() + " " + pointer.challengers());
    state.add(pointer.challenger() == null ? "no challenger" : pointer.challenger().modelId());
    ModelStore versions = new ModelStore(CONTROL.store().context());
    for (String collection :
        List.of("challenger_events", "challenger_promotions", "approval_answers", "outcomes")) {
      CONTROL
          .store()
          .documents()
          .collection(collection)
          .find()
          .sort(Sorts.ascending("_id"))
          .forEach(document -> state.add(collection + " " + document.get("_id")));
    }
    CONTROL
        .store()
        .documents()
        .collection("model_metadata")
        .find()
        .sort(Sorts.ascending("_id"))
        .map(document -> document.getString("_id"))
        .forEach(id -> state.add(id + " " + versions.status(id)));
    return state;
  }
}
