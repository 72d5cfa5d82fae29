package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.MongoTimeoutException;
import java.util.List;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.model.Champions;
import retune.runtime.Json;
import retune.runtime.NotReadyException;
import retune.runtime.http.Refusal;
import retune.runtime.http.Tokens;
import retune.testing.TestContext;
import retune.testing.TestStore;

/** What is recorded of a call that fails. */
class ChangesTest {
  private static final TestStore STORE = TestStore.open();

  @AfterAll
  static void stop() {
    STORE.close();
  }

  @BeforeEach
  void clear() {
    for (String collection : List.of("champions", Changes.EVENTS)) {
      STORE.documents().collection(collection).deleteMany(new Document());
    }
    new Champions(STORE.documents()).install("credit", "credit-1");
  }

  @Test
  void theRecordHasTheStatusAndTheSentenceOfTheAnswer() {
    assertRecorded(409, "Another one runs.", new Refusal(409, "Another one runs."));
    assertRecorded(422, "It is wrong.", new InvalidInputException("It is wrong."));
    assertRecorded(503, "It is away.", new NotReadyException("It is away."));
    assertRecorded(
        503,
        "The document store no longer answers; check that it runs, then try again.",
        new MongoTimeoutException("no server"));
  }

  private static void assertRecorded(int status, String sentence, RuntimeException failure) {
    Refusal answer =
        assertThrows(
            Refusal.class,
            () ->
                press(
                    _ -> {
                      throw failure;
                    }));

    assertEquals(status, answer.status());
    assertEquals(sentence, answer.sentence());
    assertRecord(status, sentence);
  }

  @Test
  void aFailureThatNobodyForesawIsRecordedAsOne() {
    assertThrows(
        IllegalStateException.class,
        () ->
            press(
                _ -> {
                  throw new IllegalStateException("a fault of ours");
                }));

    assertRecord(500, "The request failed.");
  }

  @Test
  void aCallThatTheEndOfTheServiceInterruptsIsRecorded() {
    Refusal answer =
        assertThrows(
            Refusal.class,
            () ->
                press(
                    _ -> {
                      throw new InterruptedException();
                    }));

    assertTrue(Thread.interrupted(), "who waits for the thread still learns of it");
    assertEquals(503, answer.status());
    assertRecord(503, "The service is shutting down.");
  }

  private static void press(Changes.Action action) {
    TestContext context = STORE.context();
    Changes changes = new Changes(context, new Models(context), new Tokens(null, context.clock()));
    changes.route("/call", List.of(), action);
    changes.press("/call", "credit", "ops", Json.MAPPER.createObjectNode());
  }

  /** The only event, which goes. */
  private static void assertRecord(int status, String sentence) {
    var events = STORE.documents().collection(Changes.EVENTS);
    assertEquals(1, events.countDocuments());
    Document event = Objects.requireNonNull(events.findOneAndDelete(new Document()));
    assertEquals(
        List.of("ops", status, sentence),
        List.of(event.get("by"), event.get("status"), event.get("message")));
  }
}
