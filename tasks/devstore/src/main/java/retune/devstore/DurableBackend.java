package retune.devstore;

import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerException;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;
import org.jspecify.annotations.Nullable;

/**
 * A back end that commits every write before it replies.
 *
 * <p>Commands that write run one at a time. The lock is fair, so that the first of several waiting
 * writers commits after the others have run: they share one commit. A command is committed as a
 * whole, or not at all if the process dies first.
 *
 * <p>The back end changes stored documents in place. Replies are therefore copies, made while no
 * write runs, so that a reader never sees a document half changed.
 */
final class DurableBackend extends H2Backend {
  /** Commands that touch no data; they do not wait for those that do. */
  private static final Set<String> WITHOUT_DATA =
      Set.of("buildinfo", "ismaster", "ping", "whatsmyuri");

  private static final Set<String> READS = Set.of("count", "distinct", "find", "getmore");

  /** MongoDB 5.0: what drivers ask of a server before they use what this one has. */
  private static final MongoVersion VERSION =
      new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
          return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
          return 13;
        }
      };

  private final @Nullable DataFile file;
  private final CompletableFuture<String> failure = new CompletableFuture<>();
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);
  // Both are guarded by the lock.
  private long executed;
  private long committed;

  /** Keeps the documents in a file. */
  DurableBackend(DataFile file) {
    super(file.store());
    this.file = file;
    version(VERSION);
  }

  /** Keeps the documents in memory. */
  DurableBackend() {
    super(MVStore.open(null));
    this.file = null;
    version(VERSION);
  }

  /**
   * Completes with a sentence when the data file can no longer be written. No command is answered
   * before the future's dependents have run.
   */
  CompletableFuture<String> failure() {
    return failure;
  }

  @Override
  public Document handleMessage(MongoMessage message) {
    String command = message.getDocument().keySet().iterator().next().toLowerCase(Locale.ROOT);
    if (command.equals("hello")) {
      return hello(message);
    }
    if (WITHOUT_DATA.contains(command)) {
      return super.handleMessage(message);
    }
    if (command.equals("renamecollection")) {
      // The server would rename it until its next start, and give it back its old name then.
      throw new MongoServerException(
          "The embedded store cannot rename collections; copy the documents instead.");
    }
    boolean writes = !READS.contains(command);
    Lock guard = writes ? lock.writeLock() : lock.readLock();
    Document reply;
    long ticket = 0;
    guard.lock();
    try {
      reply = super.handleMessage(message).cloneDeeply();
      if (writes) {
        ticket = ++executed;
      }
    } catch (MVStoreException e) {
      throw unreadable(e);
    } finally {
      guard.unlock();
    }
    if (writes && file != null) {
      commit(file, ticket);
    }
    return reply;
  }

  /** The server knows this command by its older name only. */
  private Document hello(MongoMessage message) {
    Document query = message.getDocument();
    Document rest = query.clone();
    rest.remove("hello");
    query.clear();
    query.append("ismaster", 1).putAll(rest);
    return super.handleMessage(message).append("isWritablePrimary", true);
  }

  private void commit(DataFile file, long ticket) {
    lock.writeLock().lock();
    try {
      if (committed < ticket) {
        file.commit();
        committed = executed;
      }
    } catch (IOException | MVStoreException e) {
      fail(e);
      throw new MongoServerException(failure.join());
    } finally {
      lock.writeLock().unlock();
    }
  }

  private void fail(Exception cause) {
    failure.complete(
        "The store stops, because it cannot write its data file ("
            + DataFile.reason(cause)
            + "). Every acknowledged write is in the file. Free disk space or repair the disk, then"
            + " start the store again.");
  }

  private MongoServerException unreadable(MVStoreException cause) {
    return new MongoServerException(
        failure.isDone()
            ? failure.join()
            : "The store's data file is damaged ("
                + DataFile.reason(cause)
                + "); stop the store and restore a backup, see"
                + " docs/how-to/back-up-and-restore.md.");
  }

  @Override
  public void close() {
    if (file == null) {
      super.close();
      return;
    }
    lock.writeLock().lock();
    try {
      file.close();
    } catch (IOException | MVStoreException e) {
      // Every acknowledged write is in the file; the next start reads all of it to make sure.
      return;
    } finally {
      lock.writeLock().unlock();
    }
  }
}
