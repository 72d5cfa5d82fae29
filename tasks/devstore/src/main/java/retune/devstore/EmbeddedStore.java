package retune.devstore;

import de.bwaldvogel.mongo.MongoServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;
import org.jspecify.annotations.Nullable;

/**
 * A document store that speaks MongoDB's protocol. A write that was acknowledged survives the death
 * of the process at any moment; with {@code fsync}, the death of the machine.
 */
public final class EmbeddedStore implements AutoCloseable {
  /** Any free port. */
  public static final int ANY_PORT = 0;

  /** This machine alone: the store knows no users. */
  public static final String LOOPBACK = "127.0.0.1";

  /** The store cannot start; the message says why and what to do. */
  public static final class CannotStartException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CannotStartException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  private static final String FILE = "retune.mv";

  /** How long the file keeps what was overwritten; longer, and it grows with every commit. */
  private static final int RETENTION_MILLIS = 1_000;

  /** Held here, because a logger that nobody holds forgets its level. */
  private static final Logger SERVER_LOGGER = Logger.getLogger("de.bwaldvogel.mongo");

  private final MongoServer server;
  private final String host;

  private EmbeddedStore(MongoServer server, String host) {
    this.server = server;
    this.host = host;
  }

  /**
   * Starts a store for this machine alone on a folder, as {@link #start(Path, String, int,
   * boolean)} does.
   */
  public static EmbeddedStore start(Path folder, int port, boolean fsync) {
    return start(folder, LOOPBACK, port, fsync);
  }

  /**
   * Starts a store on a folder, which is created where it is missing.
   *
   * @param host the address to listen on
   * @param port 0 … 65535; {@link #ANY_PORT} for any free one
   * @param fsync whether a write also waits for the disk
   * @throws CannotStartException where the port or the folder is in use, or the folder not writable
   */
  public static EmbeddedStore start(Path folder, String host, int port, boolean fsync) {
    requireOwn(host);
    return serve(new DurableBackend(open(folder), fsync), host, port);
  }

  /** Starts a store that forgets everything when it is closed, on any free port. */
  public static EmbeddedStore inMemory() {
    return serve(new DurableBackend(MVStore.open(null), false), LOOPBACK, ANY_PORT);
  }

  /** The address, with the database {@code retune}. */
  public String uri() {
    return "mongodb://" + host + ":" + server.getLocalAddress().getPort() + "/retune";
  }

  /** Ends all connections and closes the file; twice does no harm. */
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
        "'" + host + "' is no address of this machine; choose another with --host.", cause);
  }

  private static MVStore open(Path folder) {
    try {
      Files.createDirectories(folder);
      // Only explicit commits: one in the middle of an operation would keep half of it.
      MVStore store =
          new MVStore.Builder()
              .fileName(folder.resolve(FILE).toString())
              .autoCommitDisabled()
              .autoCommitBufferSize(0)
              .open();
      store.setVersionsToKeep(0);
      store.setRetentionTime(RETENTION_MILLIS);
      return store;
    } catch (IOException e) {
      throw new CannotStartException(
          "The data folder '" + folder + "' cannot be created; choose another with --data.", e);
    } catch (MVStoreException e) {
      throw new CannotStartException(
          e.getErrorCode() == DataUtils.ERROR_FILE_LOCKED
              ? "The data folder '"
                  + folder
                  + "' is in use by another store; stop that one or choose another with --data."
              : "The data folder '"
                  + folder
                  + "' cannot be opened ("
                  + e.getMessage()
                  + "); make it readable and writable or choose another with --data.",
          e);
    }
  }

  private static EmbeddedStore serve(DurableBackend backend, String host, int port) {
    SERVER_LOGGER.setLevel(Level.SEVERE);
    MongoServer server = new MongoServer(backend);
    try {
      server.bind(host, port);
      return new EmbeddedStore(server, host);
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
