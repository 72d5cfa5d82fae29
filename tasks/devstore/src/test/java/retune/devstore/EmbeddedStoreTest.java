package retune.devstore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.MongoException;
import com.mongodb.MongoNamespace;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.bson.Document;
import org.bson.types.Binary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.devstore.EmbeddedStore.Settings;

class EmbeddedStoreTest {
  @TempDir private Path folder;

  private static MongoCollection<Document> things(MongoClient client) {
    return client.getDatabase("retune").getCollection("things");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void keepsItsDocumentsOverARestart(boolean fsync) {
    try (EmbeddedStore store =
            EmbeddedStore.start(
                new Settings(
                    folder, EmbeddedStore.LOOPBACK, EmbeddedStore.ANY_PORT, fsync, false));
        MongoClient client = MongoClients.create(store.uri())) {
      things(client).insertOne(new Document("_id", "a").append("value", 1));
    }
    try (EmbeddedStore store =
            EmbeddedStore.start(
                new Settings(
                    folder, EmbeddedStore.LOOPBACK, EmbeddedStore.ANY_PORT, fsync, false));
        MongoClient client = MongoClients.create(store.uri())) {
      assertEquals(
          List.of(new Document("_id", "a").append("value", 1)),
          things(client).find().into(new ArrayList<>()));
    }
  }

  @Test
  void anInMemoryStoreStartsEmpty() {
    for (int start = 0; start < 2; start++) {
      try (EmbeddedStore store = EmbeddedStore.inMemory();
          MongoClient client = MongoClients.create(store.uri())) {
        assertEquals(0, things(client).countDocuments());
        things(client).insertOne(new Document());
        assertEquals(1, things(client).countDocuments());
      }
    }
  }

  @Test
  void aReaderNeverSeesADocumentHalfReplaced() throws Exception {
    int fields = 400;
    try (EmbeddedStore store = EmbeddedStore.inMemory();
        MongoClient client = MongoClients.create(store.uri());
        ExecutorService pool = Executors.newSingleThreadExecutor()) {
      MongoCollection<Document> things = things(client);
      things.insertOne(uniform(fields, 0));
      AtomicBoolean done = new AtomicBoolean();
      Future<?> writer =
          pool.submit(
              () -> {
                for (int value = 1; !done.get(); value++) {
                  things.replaceOne(Filters.eq("a"), uniform(fields, value));
                }
              });
      try {
        for (int read = 0; read < 1_000; read++) {
          Document seen = things.find(Filters.eq("a")).first();
          seen.remove("_id");
          assertEquals(1, seen.values().stream().distinct().count(), "values of several writes");
        }
      } finally {
        done.set(true);
      }
      writer.get();
    }
  }

  private static Document uniform(int fields, int value) {
    Document document = new Document("_id", "a");
    for (int field = 0; field < fields; field++) {
      document.append("field" + field, value);
    }
    return document;
  }

  @Test
  void theFileDoesNotGrowWithEveryReplacement() throws Exception {
    int size = 1 << 20;
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder));
        MongoClient client = MongoClients.create(store.uri())) {
      things(client).insertOne(new Document("_id", "a"));
      for (int i = 0; i < 40; i++) {
        things(client)
            .replaceOne(
                Filters.eq("a"), new Document("data", new Binary(new byte[size])).append("i", i));
        Thread.sleep(50);
      }
    }
    long bytes = Files.size(folder.resolve("retune.mv"));
    assertTrue(bytes < 30L * size, "40 replacements of 1 MiB left a file of " + bytes + " bytes");
  }

  @Test
  void heartbeatsDoNotWaitForALongCommand() throws Exception {
    try (EmbeddedStore store = EmbeddedStore.inMemory();
        MongoClient client = MongoClients.create(store.uri());
        ExecutorService pool = Executors.newSingleThreadExecutor()) {
      things(client)
          .insertMany(IntStream.range(0, 3_000).mapToObj(i -> new Document("_id", i)).toList());
      MongoDatabase admin = client.getDatabase("admin");
      admin.runCommand(new Document("ping", 1));

      Future<?> delete = pool.submit(() -> things(client).deleteMany(new Document()));
      int answered = 0;
      while (!delete.isDone()) {
        admin.runCommand(new Document("ping", 1));
        admin.runCommand(new Document("hello", 1));
        answered++;
      }
      delete.get();
      assertTrue(answered > 5, "answered during the command: " + answered);
    }
  }

  @Test
  void introducesItselfAsDriversExpect() {
    try (EmbeddedStore store = EmbeddedStore.inMemory();
        MongoClient client = MongoClients.create(store.uri())) {
      Document hello = client.getDatabase("admin").runCommand(new Document("hello", 1));
      assertEquals(true, hello.getBoolean("isWritablePrimary"));
      assertEquals(13, hello.getInteger("maxWireVersion"));
    }
  }

  @Test
  void refusesToRenameACollection() {
    try (EmbeddedStore store = EmbeddedStore.inMemory();
        MongoClient client = MongoClients.create(store.uri())) {
      things(client).insertOne(new Document("_id", "a"));
      assertThrows(
          MongoException.class,
          () -> things(client).renameCollection(new MongoNamespace("retune", "others")));
      assertEquals(1, things(client).countDocuments());
    }
  }

  @Test
  void onlyTheOwnerMayReadTheData() throws Exception {
    Path made = folder.resolve("made");
    EmbeddedStore.start(Settings.of(made)).close();
    assertOnlyTheOwnerMayRead(made);

    Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(
        made.resolve("retune.mv"), PosixFilePermissions.fromString("rw-r--r--"));
    EmbeddedStore.start(Settings.of(made)).close();
    assertOnlyTheOwnerMayRead(made);
  }

  @Test
  void aFolderThatHoldsOtherThingsKeepsItsPermissions() throws Exception {
    Set<PosixFilePermission> shared = PosixFilePermissions.fromString("rwxr-xr-x");
    Files.setPosixFilePermissions(folder, shared);
    EmbeddedStore.start(Settings.of(folder)).close();
    assertEquals(shared, Files.getPosixFilePermissions(folder));
    assertEquals("rw-------", permissions(folder.resolve("retune.mv")));
  }

  private static void assertOnlyTheOwnerMayRead(Path made) throws IOException {
    assertEquals("rwx------", permissions(made));
    assertEquals("rw-------", permissions(made.resolve("retune.mv")));
    assertEquals("rw-------", permissions(made.resolve("retune.commit")));
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void aFolderServesOneStoreAtATime() {
    try (EmbeddedStore first = EmbeddedStore.start(Settings.of(folder))) {
      var refused =
          assertThrows(
              EmbeddedStore.CannotStartException.class,
              () -> EmbeddedStore.start(Settings.of(folder)));
      assertEquals(
          "The data folder '"
              + folder
              + "' is in use by another store; stop that one or choose another with --data.",
          refused.getMessage());
      assertTrue(first.uri().startsWith("mongodb://127.0.0.1:"));
    }
  }

  @Test
  void aPortInUseIsNamed() {
    try (EmbeddedStore first = EmbeddedStore.inMemory()) {
      int port = Integer.parseInt(first.uri().replaceAll("\\D*127\\.0\\.0\\.1:(\\d+).*", "$1"));
      var refused =
          assertThrows(
              EmbeddedStore.CannotStartException.class,
              () ->
                  EmbeddedStore.start(
                      new Settings(folder, EmbeddedStore.LOOPBACK, port, false, false)));
      assertEquals(
          "Port "
              + port
              + " of 127.0.0.1 is in use by another program; stop that one or choose another with"
              + " --port.",
          refused.getMessage());
    }
  }
}
