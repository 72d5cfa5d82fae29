package retune.steps.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.bson.BsonDateTime;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.judgement.VersionStatus;
import retune.devstore.EmbeddedStore;
import retune.model.Champions;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.runtime.NotReadyException;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.RawBatches;
import retune.steps.ToyModel;
import retune.testing.TestContext;

class IngestTest {
  private static final LocalDate DATE = LocalDate.parse("2026-11-05");
  private static final String BATCH = "churn/" + DATE;
  private static final String ROWS = "age,city,label\n31,Bern,0\n,Basel,1\n";

  @TempDir Path folder;
  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), Clock.systemUTC());
  private final TestContext context = TestContext.of(store);

  @AfterEach
  void close() {
    store.close();
    server.close();
  }

  @Test
  void aDaysFileBecomesItsRawBatch() throws IOException {
    Files.writeString(folder.resolve("2026-11-05.csv"), ROWS);
    Ingest.Output output = ingest(folder + "/{date}.csv");
    assertEquals(
        List.of(BATCH, DATE, "csv", 2, true),
        List.of(
            output.dataPath(),
            output.logicalDate(),
            output.datasetName(),
            output.rows(),
            output.changed()));
    Table table = read();
    assertEquals(List.of("age", "city", "label"), table.names());
    assertTrue(table.column("age") instanceof Column.Numbers, "the empty field is missing");
    assertEquals("Basel", table.column("city").text(1));
  }

  @Test
  void theSameRowsAgainChangeNothingAndOthersReplaceThem() throws IOException {
    Path file = Files.writeString(folder.resolve("day.csv"), ROWS);
    String before = ingest(file.toString()).contentHash();
    assertFalse(ingest(file.toString()).changed());
    Files.writeString(file, ROWS + "40,Chur,1\n");
    Ingest.Output after = ingest(file.toString());
    assertTrue(after.changed());
    assertNotEquals(before, after.contentHash());
    assertEquals(3, read().rows());
  }

  @Test
  void aFileThatIsNotThereYetIsTriedAgainLater() {
    NotReadyException later =
        assertThrows(NotReadyException.class, () -> ingest(folder + "/{date}.csv"));
    assertEquals("There is no file '" + folder + "/2026-11-05.csv' yet.", later.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"age,city\n1\n", "", "age,age\n1,2\n", "1,2\n3,4\n", "a\u0000b\n1\n"})
  void aDoubtfulFileIsRefusedAndLeavesNothing(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("day.csv"), content);
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> ingest(file.toString()));
    assertTrue(String.valueOf(refused.getMessage()).contains("day.csv"), refused.getMessage());
    assertEquals(Optional.empty(), store.rawBatches().find(BATCH));
  }

  @Test
  void anAddressIsFetched() throws IOException {
    try (Site site = new Site(200, ROWS)) {
      assertEquals(2, ingest(site.address()).rows());
      assertEquals("/2026-11-05.csv", site.asked());
    }
  }

  @ParameterizedTest
  @CsvSource({"404,has no rows of that day yet", "503,answered 503"})
  void aServerThatHasNothingYetIsTriedAgainLater(int status, String words) throws IOException {
    try (Site site = new Site(status, "")) {
      NotReadyException later = assertThrows(NotReadyException.class, () -> ingest(site.address()));
      assertTrue(String.valueOf(later.getMessage()).contains(words), later.getMessage());
    }
  }

  @Test
  void aServerThatRefusesIsNotTriedAgain() throws IOException {
    try (Site site = new Site(403, "")) {
      InvalidInputException refused =
          assertThrows(InvalidInputException.class, () -> ingest(site.address()));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("answered 403"), refused.getMessage());
    }
  }

  @Test
  void aServerThatIsDownIsTriedAgainLater() throws IOException {
    String address;
    try (Site site = new Site(200, ROWS)) {
      address = site.address();
    }
    assertThrows(NotReadyException.class, () -> ingest(address));
  }

  @Test
  void aServerThatFallsSilentIsTriedAgainLater() throws Exception {
    try (Site site = new Site(200, ROWS)) {
      site.fallSilentAfterHalf();
      NotReadyException later =
          assertTimeout(
              Duration.ofSeconds(20),
              () ->
                  assertThrows(
                      NotReadyException.class,
                      () -> DayFile.open(site.address(DATE), Duration.ofMillis(300))));
      assertTrue(
          String.valueOf(later.getMessage()).startsWith("127.0.0.1 sent an incomplete response"),
          later.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"file:///etc/passwd", "file:/etc/passwd", "ftp://127.0.0.1/day.csv"})
  void anAddressOfAnotherSchemeIsRefused(String address) {
    String scheme = address.substring(0, address.indexOf(':'));
    assertTrue(
        refusal(address, null, "")
            .startsWith("'data' is an address with the scheme '" + scheme + "'"));
  }

  @Test
  void aRedirectIsFollowedOnTheSameServer() throws IOException {
    try (Site site = new Site(200, ROWS)) {
      site.redirect("/old/", "/new/2026-11-05.csv");
      assertEquals(2, ingest("http://127.0.0.1:" + site.port() + "/old/{date}").rows());
      assertEquals("/new/2026-11-05.csv", site.asked());
    }
  }

  @Test
  void aRedirectToAnotherServerIsRefusedAndThatServerIsNotAsked() throws IOException {
    try (Site site = new Site(200, ROWS);
        Site other = new Site(200, ROWS)) {
      for (String target :
          List.of(
              "http://127.0.0.1:" + other.port() + "/latest?token=geheim",
              "http://localhost:" + other.port() + "/latest?token=geheim",
              "https://127.0.0.1:" + site.port() + "/latest?token=geheim",
              "//169.254.169.254/latest/meta-data?token=geheim",
              "file:///etc/passwd?token=geheim")) {
        site.redirect("/old/", target);
        String sentence = refusal("http://127.0.0.1:" + site.port() + "/old/{date}", null, "");
        assertTrue(
            sentence.startsWith("127.0.0.1 redirects to another server, ")
                && !sentence.contains("geheim"),
            sentence);
      }
      assertEquals("", other.asked());
    }
  }

  @Test
  void redirectsThatNeverEndAreRefused() throws IOException {
    try (Site site = new Site(200, ROWS)) {
      site.redirect("/old/", "/old/again");
      assertTrue(
          refusal("http://127.0.0.1:" + site.port() + "/old/{date}", null, "")
              .startsWith("127.0.0.1 redirects more than 5 times"));
    }
  }

  @Test
  void aTokenOfAnAddressComesFromTheEnvironmentOrAFile() throws IOException {
    Path file = Files.writeString(folder.resolve("token"), "geheim2\n");
    try (Site site = new Site(200, ROWS)) {
      String address = site.address() + "?token={RETUNE_DATA_TOKEN}";
      for (Map<String, String> settings :
          List.of(
              Map.of("RETUNE_DATA_TOKEN", "geheim2"),
              Map.of("RETUNE_DATA_TOKEN_FILE", file.toString()))) {
        new Ingest()
            .run(
                new Ingest.Input("churn", DATE, address, null, null, null, 0),
                context.with(settings));
        assertEquals("token=geheim2", site.query());
      }
      assertEquals(
          "'data' names {RETUNE_DATA_TOKEN}, which is not set; set RETUNE_DATA_TOKEN, or"
              + " RETUNE_DATA_TOKEN_FILE to a file with the value.",
          refusal(address, null, ""));
    }
  }

  @Test
  void aDownloadOfAKilledStepIsRemovedByALaterOne() throws IOException {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    Path abandoned = Files.createTempFile(temporary, "retune-ingest-", ".csv");
    Path inUse = Files.createTempFile(temporary, "retune-ingest-", ".csv");
    Files.setLastModifiedTime(abandoned, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
    try (Site site = new Site(200, ROWS)) {
      ingest(site.address());
      assertFalse(Files.exists(abandoned));
      assertTrue(Files.exists(inUse), "its step may still be running");
    } finally {
      Files.deleteIfExists(inUse);
    }
  }

  @Test
  void anAnswerThatIsNoTableIsNamedByItsAddressWithoutItsKey() throws IOException {
    try (Site site = new Site(200, "age,city\n1\n")) {
      InvalidInputException refused =
          assertThrows(InvalidInputException.class, () -> ingest(site.address() + "?key=geheim"));
      assertTrue(
          String.valueOf(refused.getMessage())
              .startsWith("Line 2 of '" + site.address(DATE) + "' has 1 fields"),
          refused.getMessage());
    }
  }

  @Test
  void rowsWithoutAColumnOfTheModelInProductionAreRefusedBeforeAnyIsStored() throws IOException {
    install();
    Path file = Files.writeString(folder.resolve("day.csv"), "c0,n0,label\n1,2,0\n");
    String sentence = "The data lacks [c1], which the model reads";
    assertTrue(refusal(file.toString(), null, "").startsWith(sentence));
    store.collection("sales").insertOne(new Document("c0", 1).append("n0", 2));
    assertTrue(refusal(null, "sales", "").startsWith(sentence));
    assertNothingStored();
  }

  @Test
  void rowsWithoutALabelAreCountedWhereAVersionInProductionNamesIt() throws IOException {
    Path file =
        Files.writeString(folder.resolve("day.csv"), "c0,c1,n0,label\n1,2,3,no\n1,2,3,\n1,1,1,\n");
    assertNull(ingest(file.toString()).unlabelled(), "nothing names the label");
    install();
    assertEquals(2, ingest(file.toString()).unlabelled());
    Files.writeString(file, "c0,c1,n0\n" + "1,2,3\n".repeat(1_500));
    assertEquals(1_500, ingest(file.toString()).unlabelled(), "labels may arrive later");
  }

  @Test
  void documentsOfACollectionBecomeRows() {
    store
        .collection("sales")
        .insertMany(
            List.of(
                new Document("_id", 1).append("day", "2026-11-05").append("amount", 2.5),
                new Document("_id", 2)
                    .append("day", "2026-11-05")
                    .append("amount", null)
                    .append("seen", new BsonDateTime(0)),
                new Document("_id", 3).append("day", "2026-11-06").append("amount", 9)));
    Ingest.Output output = ingest(null, "sales", "{\"day\": \"{date}\"}");
    assertEquals("mongo", output.datasetName());
    Table table = read();
    assertEquals(List.of("amount", "day", "seen"), table.names());
    assertEquals(2, table.rows());
    assertTrue(table.column("amount") instanceof Column.Numbers);
    assertEquals("1970-01-01T00:00:00Z", table.column("seen").text(1));
    assertFalse(ingest(null, "sales", "{\"day\": \"{date}\"}").changed());
  }

  @Test
  void anotherServersCollectionIsReadAndNothingIsMadeThere() {
    try (EmbeddedStore other = EmbeddedStore.inMemory();
        MongoClient there = MongoClients.create(other.uri())) {
      MongoDatabase shop = there.getDatabase("shop");
      shop.getCollection("sales").insertOne(new Document("amount", 1));
      assertEquals(1, ingestFrom(other.uri().replace("/retune", "/shop")).rows());
      assertEquals(List.of("sales"), shop.listCollectionNames().into(new ArrayList<>()));
      assertEquals(
          List.of("_id_"),
          shop.getCollection("sales").listIndexes().into(new ArrayList<>()).stream()
              .map(index -> index.getString("name"))
              .toList());
    }
  }

  @Test
  void anotherServersAddressIsNamedByItsSettingWhereItIsOfNoUse() throws IOException {
    assertEquals(
        "RETUNE_DATA_MONGO_URI names no database; append its name to the host, as in"
            + " host:27017/sales.",
        sentence(InvalidInputException.class, () -> ingestFrom("mongodb://127.0.0.1:1")));
    assertTrue(
        sentence(InvalidInputException.class, () -> ingestFrom("shop"))
            .startsWith("RETUNE_DATA_MONGO_URI is not the address of a document store"));
    int port;
    try (Site site = new Site(200, "")) {
      port = site.port();
    }
    String down = "mongodb://127.0.0.1:" + port + "/shop";
    assertTrue(
        sentence(NotReadyException.class, () -> ingestFrom(down))
            .contains("set RETUNE_DATA_MONGO_URI to the address of yours"));
  }

  @Test
  void whatACollectionCannotGiveIsNamed() {
    assertThrows(NotReadyException.class, () -> ingest(null, "sales", ""));
    assertRefused("'filter' is not a valid JSON query", "{day: ");
    Document id = new Document("_id", 7);
    MongoCollection<Document> sales = store.collection("sales");
    sales.insertOne(id);
    assertRefused("The documents of 'sales' have no field but _id", "");
    assertRefused("The collection 'sales' cannot be queried (", "{\"day\": {\"$nonsense\": 1}}");
    sales.replaceOne(id, new Document("tags", List.of("a")));
    assertRefused("Document '7' of 'sales' has a list or a document in the field 'tags'", "");
    sales.replaceOne(id, new Document("amount", Double.NEGATIVE_INFINITY));
    assertRefused("Document '7' of 'sales' has an infinite number in the field 'amount'", "");
    assertNothingStored();
  }

  @Test
  void exactlyOneSourceIsGiven() {
    for (String data : new String[] {null, "day.csv"}) {
      InvalidInputException refused =
          assertThrows(
              InvalidInputException.class, () -> ingest(data, data == null ? null : "sales", ""));
      assertTrue(String.valueOf(refused.getMessage()).contains("either 'data' or 'collection'"));
    }
  }

  private void assertRefused(String beginning, String filter) {
    String sentence = refusal(null, "sales", filter);
    assertTrue(sentence.startsWith(beginning), sentence);
  }

  private String refusal(@Nullable String data, @Nullable String collection, String filter) {
    return sentence(InvalidInputException.class, () -> ingest(data, collection, filter));
  }

  private static String sentence(Class<? extends Exception> failure, Executable refused) {
    return String.valueOf(assertThrows(failure, refused).getMessage());
  }

  private void assertNothingStored() {
    for (String collection : List.of("raw_batches", "raw_columns", "raw_data")) {
      assertEquals(0, store.collection(collection).countDocuments(), collection);
    }
  }

  private void install() {
    ModelFolder.Content model = ToyModel.of("churn");
    new ModelStore(store).register(model.version(), model.weights(), VersionStatus.APPROVED);
    new Champions(store).install("churn", model.version().modelId());
  }

  private Ingest.Output ingestFrom(String uri) {
    try {
      return new Ingest()
          .run(
              new Ingest.Input("churn", DATE, null, "sales", null, null, 0),
              context.with(Map.of("RETUNE_DATA_MONGO_URI", uri, "RETUNE_STORE_WAIT", "1")));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Ingest.Output ingest(String data) {
    return ingest(data, null, "");
  }

  private Ingest.Output ingest(@Nullable String data, @Nullable String collection, String filter) {
    try {
      return new Ingest()
          .run(
              new Ingest.Input(
                  "churn", DATE, data, collection, filter, null, RawBatches.ROW_DOCUMENTS_UP_TO),
              context);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Table read() {
    RawBatches batches = store.rawBatches();
    Iterator<Table> tables = batches.read(batches.find(BATCH).orElseThrow());
    return tables.next();
  }

  /** A web server on loopback that answers each request alike. */
  private static final class Site implements AutoCloseable {
    private final HttpServer server;
    private final CountDownLatch closing = new CountDownLatch(1);
    private volatile boolean fallsSilent;
    private volatile String asked = "";
    private volatile @Nullable String query;
    private volatile String redirectedPath = "nowhere";
    private volatile String target = "";

    Site(int status, String body) throws IOException {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.createContext(
          "/",
          exchange -> {
            asked = exchange.getRequestURI().getPath();
            query = exchange.getRequestURI().getRawQuery();
            if (asked.startsWith(redirectedPath)) {
              exchange.getResponseHeaders().set("Location", target);
              exchange.sendResponseHeaders(302, -1);
              return;
            }
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            try (var out = exchange.getResponseBody()) {
              out.write(bytes, 0, bytes.length / 2);
              out.flush();
              if (fallsSilent) {
                await(closing);
              }
              out.write(bytes, bytes.length / 2, bytes.length - bytes.length / 2);
            }
          });
      server.start();
    }

    void fallSilentAfterHalf() {
      fallsSilent = true;
    }

    void redirect(String path, String to) {
      redirectedPath = path;
      target = to;
    }

    @Nullable String query() {
      return query;
    }

    int port() {
      return server.getAddress().getPort();
    }

    String address() {
      return address("{date}");
    }

    String address(Object date) {
      return "http://127.0.0.1:" + port() + "/" + date + ".csv";
    }

    String asked() {
      return asked;
    }

    @Override
    public void close() {
      closing.countDown();
      server.stop(0);
    }

    private static void await(CountDownLatch latch) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
