package retune.devstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.MongoException;
import com.mongodb.MongoSocketException;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.model.Filters;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.bson.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The store as a process of its own. */
class MainTest {
  private static final int WRITERS = 4;
  private static final String FAIL_FAST = "?serverSelectionTimeoutMS=2000&retryWrites=false";

  @TempDir private Path folder;

  /** A started store and the address that it printed. */
  private record Running(Process process, String uri) {
    static Running start(Path folder) throws IOException {
      Process process = launch("--port", "0", "--data", folder.toString());
      BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
      return new Running(process, String.valueOf(out.readLine()));
    }

    int end() throws InterruptedException {
      assertTrue(process.waitFor(1, TimeUnit.MINUTES), "the store did not end");
      return process.exitValue();
    }
  }

  private static Process launch(String... arguments) throws IOException {
    return new ProcessBuilder(command(arguments)).start();
  }

  private static List<String> command(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("--sun-misc-unsafe-memory-access=allow", "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.add(Main.class.getName());
    command.addAll(List.of(arguments));
    return command;
  }

  private static String textOf(Process process) throws IOException {
    return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void acknowledgedWritesSurviveSigkill() throws Exception {
    Queue<String> acknowledged = new ConcurrentLinkedQueue<>();
    for (int kill = 0; kill < 4; kill++) {
      Running store = Running.start(folder);
      try (MongoClient client = MongoClients.create(store.uri() + FAIL_FAST)) {
        assertAllThere(client, acknowledged);
        List<Thread> writers = new ArrayList<>();
        for (int writer = 0; writer < WRITERS; writer++) {
          String prefix = kill + "/" + writer + "/";
          writers.add(
              Thread.startVirtualThread(() -> writeUntilDead(client, prefix, acknowledged)));
        }
        int before = acknowledged.size();
        while (acknowledged.size() < before + 50 + 37 * kill) {
          Thread.sleep(5);
        }
        store.process().destroyForcibly();
        for (Thread writer : writers) {
          writer.join();
        }
      }
      assertEquals(137, store.end());
    }
    Running store = Running.start(folder);
    try (MongoClient client = MongoClients.create(store.uri())) {
      assertAllThere(client, acknowledged);
    }
    store.process().destroy();
    assertEquals(143, store.end());
  }

  /** A limit on the length of files stands for a full disk: both fail the same write. */
  @Test
  void aFullDiskEndsTheStoreAndLosesNoAcknowledgedWrite() throws Exception {
    List<String> limited =
        new ArrayList<>(List.of("bash", "-c", "ulimit -f 8192 && exec \"$@\"", "bash"));
    limited.addAll(command("--port", "0", "--data", folder.toString()));
    Process full = new ProcessBuilder(limited).start();
    Queue<String> acknowledged = new ConcurrentLinkedQueue<>();
    String uri = full.inputReader(StandardCharsets.UTF_8).readLine();
    try (MongoClient client = MongoClients.create(uri + FAIL_FAST)) {
      var things = client.getDatabase("retune").getCollection("things");
      var refused =
          assertThrows(
              MongoException.class,
              () -> {
                for (int i = 0; i < 10_000; i++) {
                  things.insertOne(new Document("_id", "d" + i).append("data", new byte[100_000]));
                  acknowledged.add("d" + i);
                }
              });
      // Steps take this for a store that does not answer, and exit with 20.
      assertInstanceOf(MongoSocketException.class, refused);
    }
    assertTrue(full.waitFor(1, TimeUnit.MINUTES), "the store still runs");
    assertEquals(1, full.exitValue());
    assertEquals(
        "The store stops, because it cannot write its data file (File too large). Every"
            + " acknowledged write is in the file. Free disk space or repair the disk, then start"
            + " the store again.",
        textOf(full).strip());

    Running again = Running.start(folder);
    try (MongoClient client = MongoClients.create(again.uri())) {
      assertAllThere(client, acknowledged);
    }
    again.process().destroyForcibly();
  }

  private static void writeUntilDead(
      MongoClient client, String prefix, Queue<String> acknowledged) {
    var things = client.getDatabase("retune").getCollection("things");
    try {
      for (int i = 0; ; i++) {
        things.insertOne(new Document("_id", prefix + i));
        acknowledged.add(prefix + i);
      }
    } catch (MongoException killed) {
      return;
    }
  }

  private static void assertAllThere(MongoClient client, Queue<String> acknowledged) {
    long found =
        client
            .getDatabase("retune")
            .getCollection("things")
            .countDocuments(Filters.in("_id", acknowledged));
    assertEquals(acknowledged.size(), found, "acknowledged writes found");
  }

  @Test
  void printsOnlyItsAddressAndExitsOnSigterm() throws Exception {
    Process process = launch("--port", "0", "--data", folder.toString());
    BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
    assertTrue(out.readLine().matches("mongodb://127\\.0\\.0\\.1:\\d+/retune"));
    process.toHandle().destroy(); // Process.destroy would close the streams too
    assertTrue(process.waitFor(1, TimeUnit.MINUTES));
    assertEquals(143, process.exitValue());
    assertEquals(-1, out.read());
    assertEquals("", textOf(process));
  }

  @Test
  void aFolderInUseIsRefusedWithASentence() throws Exception {
    try (EmbeddedStore first = EmbeddedStore.start(EmbeddedStore.Settings.of(folder))) {
      assertTrue(first.uri().startsWith("mongodb:"));
      Process second = launch("--port", "0", "--data", folder.toString());
      assertTrue(textOf(second).contains("is in use by another store"));
      assertEquals(50, second.waitFor());
    }
  }

  @Test
  void aWrongFlagIsNamed() throws Exception {
    Process process = launch("--prot", "1");
    assertEquals("There is no flag '--prot'; see ./retune store --help.", textOf(process).strip());
    assertEquals(50, process.waitFor());
  }

  @ParameterizedTest
  @ValueSource(strings = {"no-such-host.invalid", "192.0.2.1"}) // 192.0.2.0/24 is nobody's
  void anAddressOfAnotherMachineIsRefused(String host) throws Exception {
    Process process = launch("--host", host, "--data", folder.toString());
    assertEquals(
        "'" + host + "' is not an address of this machine; choose another with --host.",
        textOf(process).strip());
    assertEquals(50, process.waitFor());
  }

  @Test
  void listensOnTheGivenAddress() throws Exception {
    Process process = launch("--host", "0.0.0.0", "--port", "0", "--data", folder.toString());
    assertTrue(
        process.inputReader(StandardCharsets.UTF_8).readLine().startsWith("mongodb://0.0.0.0:"));
    process.destroyForcibly();
  }

  @Test
  void theCheckPrintsWhatTheFileHolds() throws Exception {
    try (EmbeddedStore store = EmbeddedStore.start(EmbeddedStore.Settings.of(folder));
        MongoClient client = MongoClients.create(store.uri())) {
      client.getDatabase("retune").getCollection("things").insertOne(new Document());
    }
    Process whole = launch("--check", "--data", folder.toString());
    assertEquals("           1  retune.things", whole.inputReader().readLine());
    assertEquals(0, whole.waitFor());

    Files.delete(folder.resolve("retune.mv"));
    Process lost = launch("--check", "--data", folder.toString());
    assertTrue(textOf(lost).contains("only 0 of 1 documents can be read"));
    assertEquals(50, lost.waitFor());

    Process nothing = launch("--check", "--data", folder.resolve("none").toString());
    assertTrue(textOf(nothing).startsWith("There is no data file"));
    assertEquals(50, nothing.waitFor());
  }

  @Test
  void helpGoesToStandardOutput() throws Exception {
    Process process = launch("--help");
    String page = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(page.startsWith("Usage: ./retune store"));
    assertEquals(0, process.waitFor());
  }
}
