package retune.runtime.store;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.MongoCommandException;
import com.mongodb.MongoException;
import com.mongodb.MongoSecurityException;
import com.mongodb.MongoSocketException;
import com.mongodb.MongoTimeoutException;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;

/** A connection to the document store. Thread-safe. */
public final class DocumentStore implements AutoCloseable {
  private static final String DEFAULT_DATABASE = "retune";
  private static final String SETTING = "RETUNE_MONGO_URI";

  /** Longer than any operation takes, so that a server that hangs does not hang a step. */
  private static final int READ_TIMEOUT_MINUTES = 5;

  private static final int UNAUTHORIZED = 13;
  private static final int AUTHENTICATION_FAILED = 18;

  /** Held here, because a logger that nobody holds forgets its level. */
  private static final Logger DRIVER_LOGGER = Logger.getLogger("org.mongodb.driver");

  private final MongoClient client;
  private final MongoDatabase database;
  private final Clock clock;

  private DocumentStore(MongoClient client, MongoDatabase database, Clock clock) {
    this.client = client;
    this.database = database;
    this.clock = clock;
  }

  /**
   * Connects, and creates the indexes if the database has none yet. No message contains the
   * password.
   *
   * @param uri {@code mongodb://user:password@host:port/database}; the database defaults to {@code
   *     retune}
   * @param wait how long to wait for a server that answers
   * @throws NotReadyException if no server answers in time
   * @throws InvalidInputException if the address is malformed or the server refuses the credentials
   */
  public static DocumentStore open(String uri, Duration wait, Clock clock) {
    ConnectionString address = address(SETTING, uri);
    String name = address.getDatabase();
    return connect(
        SETTING, address, name == null ? DEFAULT_DATABASE : name, wait, clock, Indexes::createOnce);
  }

  /**
   * Connects to a database that is only read; nothing is created in it.
   *
   * @param setting the environment variable that holds the address, for messages
   * @param uri as for {@link #open}, but it must name the database
   * @throws NotReadyException if no server answers in time
   * @throws InvalidInputException if the address is malformed or names no database, or the server
   *     refuses the credentials
   */
  public static DocumentStore openToRead(String setting, String uri, Duration wait, Clock clock) {
    ConnectionString address = address(setting, uri);
    String name = address.getDatabase();
    if (name == null) {
      throw new InvalidInputException(
          setting + " names no database; append its name to the host, as in host:27017/sales.");
    }
    Document ping = new Document("ping", 1);
    return connect(setting, address, name, wait, clock, database -> database.runCommand(ping));
  }

  private static DocumentStore connect(
      String setting,
      ConnectionString address,
      String name,
      Duration wait,
      Clock clock,
      Consumer<MongoDatabase> firstUse) {
    DRIVER_LOGGER.setLevel(Level.WARNING);
    int waitMillis = Math.toIntExact(wait.toMillis());
    MongoClient client =
        MongoClients.create(
            MongoClientSettings.builder()
                .applyConnectionString(address)
                .applyToClusterSettings(
                    cluster -> cluster.serverSelectionTimeout(waitMillis, TimeUnit.MILLISECONDS))
                .applyToSocketSettings(
                    socket ->
                        socket
                            .connectTimeout(waitMillis, TimeUnit.MILLISECONDS)
                            .readTimeout(READ_TIMEOUT_MINUTES, TimeUnit.MINUTES))
                .build());
    MongoDatabase database = client.getDatabase(name);
    try {
      firstUse.accept(database);
      return new DocumentStore(client, database, clock);
    } catch (MongoException e) {
      client.close();
      throw explain(e, setting, address, wait);
    } catch (RuntimeException e) {
      client.close();
      throw e;
    }
  }

  /**
   * Translates a driver's exception for steps: {@link NotReadyException} if the server no longer
   * answers, {@link InvalidInputException} if it refuses the credentials. Returns any other
   * exception unchanged.
   */
  public static RuntimeException explain(RuntimeException failure) {
    if (failure instanceof MongoTimeoutException || failure instanceof MongoSocketException) {
      return new NotReadyException(
          "The document store no longer answers; check that it runs, then try again.", failure);
    }
    return isRefusal(failure) ? refused("The document store", null, SETTING, failure) : failure;
  }

  public MongoCollection<Document> collection(String name) {
    return database.getCollection(name);
  }

  public RawBatches rawBatches() {
    return new RawBatches(database, clock);
  }

  public ProcessedBatches processedBatches() {
    return new ProcessedBatches(database, clock);
  }

  public LateLabels lateLabels() {
    return new LateLabels(database, events());
  }

  public Feedback feedback() {
    return new Feedback(database);
  }

  public QueryLogs queryLogs() {
    return new QueryLogs(database);
  }

  public Blobs blobs() {
    return new Blobs(database, clock);
  }

  public Events events() {
    return new Events(database, clock);
  }

  @Override
  public void close() {
    client.close();
  }

  private static ConnectionString address(String setting, String uri) {
    try {
      return new ConnectionString(uri);
    } catch (IllegalArgumentException e) {
      // Without the text and the cause: the driver's message may quote the password.
      throw new InvalidInputException(
          setting
              + " is not the address of a document store; write"
              + " mongodb://user:password@host:27017/retune, and percent-encode special"
              + " characters in user and password.");
    }
  }

  private static RuntimeException explain(
      MongoException failure, String setting, ConnectionString address, Duration wait) {
    String store = "The document store at " + String.join(", ", address.getHosts());
    if (failure instanceof MongoTimeoutException || failure instanceof MongoSocketException) {
      return new NotReadyException(
          "%s did not answer within %d s. %s"
              .formatted(store, wait.toSeconds(), advice(setting, address)),
          failure);
    }
    return isRefusal(failure) ? refused(store, address.getUsername(), setting, failure) : failure;
  }

  /** A loopback address is often meant for this machine and read in a container. */
  private static String advice(String setting, ConnectionString address) {
    boolean isHere =
        address.getHosts().stream()
            .allMatch(host -> host.matches("(127\\..*|localhost|\\[::1])(:\\d+)?"));
    return isHere
        ? "Start it (./retune store), or set %s to the address of yours; inside a container, this address is the container itself."
            .formatted(setting)
        : "Check that it runs and that this machine or container can reach it, or correct %s."
            .formatted(setting);
  }

  private static boolean isRefusal(RuntimeException failure) {
    return failure instanceof MongoSecurityException
        || (failure instanceof MongoCommandException command
            && (command.getErrorCode() == UNAUTHORIZED
                || command.getErrorCode() == AUTHENTICATION_FAILED));
  }

  private static InvalidInputException refused(
      String store, @Nullable String user, String setting, RuntimeException failure) {
    return new InvalidInputException(
        store
            + " refused "
            + (user == null ? "access without a user" : "user '" + user + "'")
            + "; check user, password and authSource in "
            + setting
            + ", and the user's roles.",
        failure);
  }
}
