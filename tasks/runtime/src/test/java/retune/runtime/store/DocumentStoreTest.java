package retune.runtime.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Clock;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.devstore.EmbeddedStore;
import retune.runtime.NotReadyException;

class DocumentStoreTest {
  private static final String PASSWORD = "geheim-4711";

  private static DocumentStore open(String uri) {
    return open(uri, Duration.ofSeconds(1));
  }

  private static DocumentStore open(String uri, Duration most) {
    return DocumentStore.open(uri, most, Clock.systemUTC());
  }

  private static String stackTrace(Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  @Test
  void anUnreachableStoreIsNotReadyAfterTheWait() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    long started = System.nanoTime();
    var thrown =
        assertThrows(
            NotReadyException.class,
            () -> open("mongodb://u:" + PASSWORD + "@127.0.0.1:" + port + "/retune"));
    assertTrue(System.nanoTime() - started < 25e9, "waited as long as the driver does by default");
    assertEquals(
        "The document store at 127.0.0.1:"
            + port
            + " did not answer within 1 s. Start it (./retune store), or set RETUNE_MONGO_URI to"
            + " the address of yours; inside a container, this address is the container itself.",
        thrown.getMessage());
    assertFalse(stackTrace(thrown).contains(PASSWORD));
  }

  @Test
  void aStoreElsewhereIsNotToBeStartedHere() {
    var thrown =
        assertThrows(NotReadyException.class, () -> open("mongodb://store.invalid:27018/retune"));
    assertEquals(
        "The document store at store.invalid:27018 did not answer within 1 s. Check that it runs"
            + " and that this machine or container can reach it, or correct RETUNE_MONGO_URI.",
        thrown.getMessage());
  }

  @Test
  void aStoreThatAcceptsConnectionsButNeverAnswersIsNotReady() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      assertThrows(
          NotReadyException.class,
          () -> open("mongodb://127.0.0.1:" + silent.getLocalPort() + "/retune"));
    }
  }

  @Test
  void refusedCredentialsAreInvalidInputWithoutThePassword() {
    // The embedded store has no users and refuses all credentials.
    try (EmbeddedStore store = EmbeddedStore.inMemory()) {
      String uri = store.uri().replace("//", "//anna:" + PASSWORD + "@");
      var thrown =
          assertThrows(InvalidInputException.class, () -> open(uri, Duration.ofMinutes(1)));
      String message = String.valueOf(thrown.getMessage());
      assertTrue(message.contains("refused user 'anna'"), message);
      assertFalse(stackTrace(thrown).contains(PASSWORD));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://u:" + PASSWORD + "@host/x",
        "mongodb://u:" + PASSWORD + "@@host:27017/x",
        "mongodb://u:" + PASSWORD + "@host:port/x",
        PASSWORD
      })
  void aMalformedAddressIsInvalidInputWithoutThePassword(String uri) {
    var thrown = assertThrows(InvalidInputException.class, () -> open(uri));
    assertFalse(stackTrace(thrown).contains(PASSWORD));
  }
}
