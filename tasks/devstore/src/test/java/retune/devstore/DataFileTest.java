package retune.devstore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.MongoException;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.bson.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.devstore.EmbeddedStore.CannotStartException;
import retune.devstore.EmbeddedStore.Settings;

/** Data files that were cut off, overwritten, copied and restored. */
class DataFileTest {
  private static final int ROWS = 1_000;

  @TempDir private static Path made;
  @TempDir private Path folder;

  /** What a store leaves when it is closed and when it is killed, each made once. */
  private static Path left(String how) throws IOException {
    Path closed = made.resolve("closed");
    Path killed = made.resolve("killed");
    if (!Files.exists(closed)) {
      try (EmbeddedStore store = EmbeddedStore.start(Settings.of(closed));
          MongoClient client = MongoClients.create(store.uri())) {
        MongoDatabase database = client.getDatabase("retune");
        Random random = new Random(1);
        database.getCollection("models").insertOne(new Document("_id", "m"));
        for (int from = 0; from < ROWS; from += 20) {
          database
              .getCollection("rows")
              .insertMany(
                  IntStream.range(from, from + 20)
                      .mapToObj(
                          i -> {
                            byte[] value = new byte[2_000];
                            random.nextBytes(value);
                            return new Document("_id", i).append("value", value);
                          })
                      .toList());
        }
        copy(closed, killed);
      }
    }
    return how.equals("closed") ? closed : killed;
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    for (String name : new String[] {DataFile.NAME, DataFile.RECORD_NAME}) {
      Files.copy(from.resolve(name), to.resolve(name));
    }
  }

  private static long rows(EmbeddedStore store) {
    try (MongoClient client = MongoClients.create(store.uri())) {
      return client.getDatabase("retune").getCollection("rows").countDocuments();
    }
  }

  private CannotStartException refused() {
    return assertThrows(
        CannotStartException.class, () -> EmbeddedStore.start(Settings.of(folder)).close());
  }

  @ParameterizedTest
  @ValueSource(strings = {"closed", "killed"})
  void aWholeFileStartsSilently(String how) throws IOException {
    copy(left(how), folder);
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder))) {
      assertEquals(Optional.empty(), store.loss());
      assertEquals(ROWS, rows(store));
    }
    assertEquals(
        Map.of("retune.models", 1L, "retune.rows", (long) ROWS),
        DataFile.check(folder).documents());
  }

  @ParameterizedTest
  @CsvSource({
    "closed, 0.95", "closed, 0.5", "closed, 0.01", "closed, 0",
    "killed, 0.95", "killed, 0.5", "killed, 0.01", "killed, 0"
  })
  void aFileThatWasCutOffIsRefusedAndSaysWhatIsLost(String how, double part) throws IOException {
    copy(left(how), folder);
    Path file = folder.resolve(DataFile.NAME);
    byte[] whole = Files.readAllBytes(file);
    byte[] cut = Arrays.copyOf(whole, (int) (whole.length * part));
    Files.write(file, cut);

    String message = String.valueOf(refused().getMessage());
    assertTrue(
        message.matches(
            "The data file '.*retune\\.mv' is damaged: only [\\d,]+ of 1,001 documents can be read"
                + " \\(.*[\\d,]+ of 1,000 in retune\\.rows\\)\\. Restore a backup, or add"
                + " --accept-loss to continue with what is left; see"
                + " docs/how-to/back-up-and-restore\\.md\\."),
        message);
    assertArrayEquals(cut, Files.readAllBytes(file), "a refused file stays as it is");

    try (EmbeddedStore store =
        EmbeddedStore.start(
            new Settings(folder, EmbeddedStore.LOOPBACK, EmbeddedStore.ANY_PORT, false, true))) {
      assertTrue(message.startsWith(store.loss().orElseThrow()));
    }
    EmbeddedStore.start(Settings.of(folder)).close();
  }

  @Test
  void anOlderFileIsRefusedEvenIfItHasAsManyDocuments() throws IOException {
    copy(left("killed"), folder);
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder));
        MongoClient client = MongoClients.create(store.uri())) {
      client
          .getDatabase("retune")
          .getCollection("models")
          .updateOne(Filters.eq("m"), Updates.set("status", "approved"));
    }
    Files.copy(
        left("killed").resolve(DataFile.NAME),
        folder.resolve(DataFile.NAME),
        StandardCopyOption.REPLACE_EXISTING);
    String message = String.valueOf(refused().getMessage());
    assertTrue(message.matches(".* is damaged: its last \\d commits are missing\\. .*"), message);
  }

  @Test
  void theRecordFollowsCollectionsThatComeAndGo() throws IOException {
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder));
        MongoClient client = MongoClients.create(store.uri())) {
      MongoDatabase database = client.getDatabase("retune");
      database.getCollection("a").insertOne(new Document("_id", 1));
      assertEquals(Map.of("retune.a", 1L), recorded());
      database.getCollection("b").insertOne(new Document("_id", 1));
      assertEquals(Map.of("retune.a", 1L, "retune.b", 1L), recorded());
      database.getCollection("a").drop();
      database.getCollection("c").insertMany(List.of(new Document(), new Document()));
      assertEquals(Map.of("retune.b", 1L, "retune.c", 2L), recorded());
    }
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder));
        MongoClient client = MongoClients.create(store.uri())) {
      client.getDatabase("retune").getCollection("d").insertOne(new Document("_id", 1));
      assertEquals(Map.of("retune.b", 1L, "retune.c", 2L, "retune.d", 1L), recorded());
    }
  }

  private Map<String, Long> recorded() throws IOException {
    return CommitRecord.read(folder.resolve(DataFile.RECORD_NAME)).orElseThrow().documents();
  }

  @Test
  void aFileWithoutARecordIsReadAndAccepted() throws IOException {
    copy(left("closed"), folder);
    Files.delete(folder.resolve(DataFile.RECORD_NAME));
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder))) {
      assertEquals(ROWS, rows(store));
    }
    assertTrue(Files.size(folder.resolve(DataFile.RECORD_NAME)) > 0);
  }

  @Test
  void aMissingFileIsALoss() throws IOException {
    copy(left("closed"), folder);
    Files.delete(folder.resolve(DataFile.NAME));
    assertTrue(String.valueOf(refused().getMessage()).contains("only 0 of 1,001 documents"));
  }

  @Test
  void aFileWhoseBeginningIsOverwrittenIsCalledDamaged() throws IOException {
    copy(left("closed"), folder);
    Path file = folder.resolve(DataFile.NAME);
    byte[] bytes = Files.readAllBytes(file);
    Arrays.fill(bytes, 0, 8192, (byte) 0);
    Files.write(file, bytes);
    assertEquals(cannotBeOpened(file), refused().getMessage());
  }

  @Test
  void aFileThatEndsInItsHeaderIsCalledDamaged() throws IOException {
    copy(left("closed"), folder);
    Path file = folder.resolve(DataFile.NAME);
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 4096));
    assertEquals(cannotBeOpened(file), refused().getMessage());
  }

  private static String cannotBeOpened(Path file) {
    return "The data file '"
        + file
        + "' cannot be opened: it is damaged, or no store wrote it. It held 1,001 documents."
        + " Restore a backup; see docs/how-to/back-up-and-restore.md.";
  }

  @Test
  void aFileOfSomethingElseIsNotOverwritten() throws IOException {
    Path file = folder.resolve(DataFile.NAME);
    Files.writeString(file, "Some text. ".repeat(2_000), StandardCharsets.UTF_8);
    assertTrue(String.valueOf(refused().getMessage()).contains("or no store wrote it"));
    assertTrue(Files.readString(file).startsWith("Some text."));
  }

  @Test
  void damageInTheMiddleIsFoundByTheCheckAndByReading() throws IOException {
    copy(left("closed"), folder);
    Path file = folder.resolve(DataFile.NAME);
    byte[] bytes = Files.readAllBytes(file);
    Arrays.fill(bytes, bytes.length / 2, bytes.length / 2 + 200_000, (byte) 0);
    Files.write(file, bytes);

    var found = assertThrows(CannotStartException.class, () -> DataFile.check(folder));
    assertTrue(
        String.valueOf(found.getMessage()).contains(" of 1,000 in retune.rows)"),
        found.getMessage());
    try (EmbeddedStore store = EmbeddedStore.start(Settings.of(folder));
        MongoClient client = MongoClients.create(store.uri())) {
      var rows = client.getDatabase("retune").getCollection("rows");
      var refused = assertThrows(MongoException.class, () -> rows.find().forEach(row -> {}));
      String message = String.valueOf(refused.getMessage());
      assertTrue(message.contains("The store's data file is damaged"), message);
    }
  }
}
