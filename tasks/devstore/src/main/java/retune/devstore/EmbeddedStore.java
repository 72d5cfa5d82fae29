package retune.devstore;

import de.bwaldvogel.mongo.MongoServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A document store that speaks MongoDB's protocol. An acknowledged write survives the death of the
 * process at any moment and, with {@code fsync}, a power cut.
 */
public final class EmbeddedStore implements AutoCloseable {
  /** Any free port. */
  public static final int ANY_PORT = 0;

  /** This machine only: the store knows no users. */
  public static final String LOOPBACK = "127.0.0.1";

  /** The store cannot start; the message says why and what to do. */
  public static final class CannotStartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CannotStartException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * Where a store keeps its data and where it listens.
   *
   * @param folder the data folder; created if it is missing
   * @param host the address to listen on
   * @param port 0 … 65535; {@link #ANY_PORT} for any free one
   * @param fsync whether a write waits for the disk
   * @param acceptLoss whether to start although documents are lost
   */
  public record Settings(Path folder, String host, int port, boolean fsync, boolean acceptLoss) {
    /** A store for this machine only, on any free port. */
    public static Settings of(Path folder) {
      return new Settings(folder, LOOPBACK, ANY_PORT, false, false);
    }
  }

  /**
   * A connection is served by one thread, so that a command that takes long delays no heartbeat of
   * another connection.
   */
  private static final int CONNECTION_THREADS = 64;

  /**
   * Silent: an error goes to the client that caused it. Held here, because a logger that nobody
   * holds forgets its level.
   */
  private static final Logger SERVER_LOGGER = Logger.getLogger("de.bwaldvogel.mongo");

  private final MongoServer server;
  private final DurableBackend backend;
  private final String host;
  private final Optional<String> loss;

  private EmbeddedStore(
      MongoServer server, DurableBackend backend, String host, Optional<String> loss) {
    this.server = server;
    this.backend = backend;
    this.host = host;
    this.loss = loss;
  }

  /**
   * Starts a store on a folder.
   *
   * @throws CannotStartException if the port or the folder is in use, the folder cannot be written,
   *     or documents are lost and that is not accepted
   */
  public static EmbeddedStore start(Settings settings) {
    SERVER_LOGGER.setLevel(Level.OFF);
    requireOwn(settings.host());
    DataFile file = DataFile.open(settings.folder(), settings.fsync(), settings.acceptLoss());
    return serve(new DurableBackend(file), settings.host(), settings.port(), file.loss());
  }

  /** Starts a store that forgets everything when it is closed, on any free port. */
  public static EmbeddedStore inMemory() {
    SERVER_LOGGER.setLevel(Level.OFF);
    return serve(new DurableBackend(), LOOPBACK, ANY_PORT, Optional.empty());
  }

  /** The address, with the database {@code retune}. */
  public String uri() {
    return "mongodb://" + host + ":" + server.getLocalAddress().getPort() + "/retune";
  }

  /** What was lost and accepted, in one sentence. */
  public Optional<String> loss() {
    return loss;
  }

  /**
   * Runs an action when the data file can no longer be written, with a sentence on the reason. No
   * command is answered before the action has run.
   */
  public void onFailure(Consumer<String> action) {
    var _ = backend.failure().thenAccept(action);
  }

  /** Ends all connections and closes the file; a second call has no effect. */
  @Override
  public void close() {
    server.shutdownNow();
  }

  private static void requireOwn(String host) {
    try {
      InetAddress address = InetAddress.getByName(host);
      if (address.isAnyLocalAddress() || NetworkInterface.getByInetAddress(address) != null) {
        return;
      }
    } catch (IOException unknown) {
      throw noSuchAddress(host, unknown);
    }
    throw noSuchAddress(host, null);
  }

  private static CannotStartException noSuchAddress(String host, @Nullable Throwable cause) {
    return new CannotStartException(
        "'" + host + "' is not an address of this machine; choose another with --host.", cause);
  }

  private static EmbeddedStore serve(
      DurableBackend backend, String host, int port, Optional<String> loss) {
    MongoServer server = new MongoServer(backend);
    try {
      server.bind(new InetSocketAddress(host, port), 1, CONNECTION_THREADS);
      return new EmbeddedStore(server, backend, host, loss);
    } catch (Exception e) {
      server.shutdownNow();
      // The network library throws checked exceptions that it does not declare.
      if (e instanceof BindException) {
        throw new CannotStartException(
            "Port "
                + port
                + " of "
                + host
                + " is in use by another program; stop that one or choose another with --port.",
            e);
      }
      throw e;
    }
  }
}
