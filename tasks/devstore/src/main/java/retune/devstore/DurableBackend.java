package retune.devstore;

import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.h2.mvstore.MVStore;

/**
 * A back end that has a write in the file before its reply leaves.
 *
 * <p>Commands that write run one at a time. The lock is fair, so that the commit of the first of
 * several waiting writers comes after the others have done their work: they share one commit. A
 * command is committed as a whole, or, where the process dies before, not at all.
 *
 * <p>The back end changes stored documents in place; replies are therefore copies, made while no
 * write runs, so that a reader never sees a document half changed.
 */
final class DurableBackend extends H2Backend {
  private static final Set<String> READS =
      Set.of("find", "getMore", "count", "distinct", "hello", "ismaster", "isMaster", "ping");

  /** Part of a file that must be live; below it, old chunks are rewritten. */
  private static final int FILL_PERCENT = 50;

  private static final int COMPACTED_AT_ONCE = 4 << 20;
  private static final long NANOS_BETWEEN_COMPACTIONS = 1_000_000_000;

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);
  private final boolean fsync;
  // The following are guarded by the lock.
  private long executed;
  private long committed;
  private long compactedAt = System.nanoTime();

  DurableBackend(MVStore store, boolean fsync) {
    super(store);
    this.fsync = fsync;
  }

  @Override
  public Document handleMessage(MongoMessage message) {
    String command = message.getDocument().keySet().iterator().next();
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
    } finally {
      guard.unlock();
    }
    if (writes && !isInMemory()) {
      commit(ticket);
    }
    return reply;
  }

  private void commit(long ticket) {
    lock.writeLock().lock();
    try {
      if (committed >= ticket) {
        return;
      }
      MVStore store = getMvStore();
      store.commit();
      if (fsync) {
        store.sync();
      }
      committed = executed;
      if (System.nanoTime() - compactedAt > NANOS_BETWEEN_COMPACTIONS) {
        store.compact(FILL_PERCENT, COMPACTED_AT_ONCE);
        compactedAt = System.nanoTime();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
