package retune.serving.querylog;

import com.mongodb.MongoBulkWriteException;
import com.mongodb.MongoException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.bson.BsonMaximumSizeExceededException;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.ModelVersion;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.serving.metrics.QueryLogMetrics;
import retune.serving.metrics.QueryLogMetrics.Drop;
import retune.serving.prediction.ServedModel;

/**
 * Writes the query log. Requests wait in a queue that is limited in bytes, and one thread writes
 * them to the store, up to 1,000 rows a document. Where the queue is full, rows are dropped and
 * counted: no request waits for the log. While the store is away, the thread repeats the block that
 * it could not write, and the queue fills.
 */
public final class QueryLogWriter implements QueryLog {
  private static final Logger LOG = System.getLogger(QueryLogWriter.class.getName());

  /** The queue gets this share of the heap, but no more than {@link #MOST_BYTES}. */
  private static final int SHARE_OF_HEAP = 16;

  private static final long MOST_BYTES = 64L << 20;

  /** Longest time that rows wait for others of their block. */
  private static final long MOST_WAIT_NANOS = Duration.ofSeconds(1).toNanos();

  /** Pause between two looks into the queue: waking the thread for each request costs more. */
  private static final long PAUSE_MILLIS = 50;

  /** Pause before a block is written again. */
  private static final long RETRY_MILLIS = 500;

  /** Time between two log lines about dropped rows. */
  private static final long QUIET_NANOS = Duration.ofMinutes(1).toNanos();

  /** How long closing waits until what is queued is written: orchestrators give 10 s or more. */
  private static final Duration LAST_WRITES = Duration.ofSeconds(5);

  /** How long closing waits after it has interrupted a write. */
  private static final Duration INTERRUPTED = Duration.ofSeconds(1);

  private static final int INSTANCE_DIGITS = 8;

  private record Queued(AnsweredRequest request, long bytes) {}

  /**
   * What is kept, and how long.
   *
   * @param keepDays number of days after which blocks are removed
   */
  public record Options(LogColumns columns, int keepDays) {}

  /**
   * What the log may take.
   *
   * @param bytes of the requests that wait
   * @param lastWrites how long closing waits until what is queued is written
   */
  record Limits(long bytes, Duration lastWrites) {}

  private final Options options;
  private final StepContext context;
  private final ServedModel served;
  private final QueryLogMetrics metrics;
  private final Limits limits;
  private final Queue<Queued> queue = new ConcurrentLinkedQueue<>();
  private final AtomicLong queuedBytes = new AtomicLong();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread;

  // The fields below belong to the writing thread.
  private final String instance = UUID.randomUUID().toString().substring(0, INSTANCE_DIGITS);
  private final Set<String> checked = new HashSet<>();
  private final Set<String> withUnknown = new HashSet<>();
  private @Nullable OpenBlock open;
  private int blocks;
  private boolean storeIsAway;
  private long toldOfDrops;
  private long toldAt = System.nanoTime() - QUIET_NANOS;
  private @Nullable LocalDate cleanedOn;

  /** A log that begins with {@link #start}. */
  public QueryLogWriter(
      Options options, StepContext context, ServedModel served, QueryLogMetrics metrics) {
    this(
        options,
        context,
        served,
        metrics,
        new Limits(
            Math.min(MOST_BYTES, Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP), LAST_WRITES));
  }

  /** A log that begins with {@link #start}. */
  QueryLogWriter(
      Options options,
      StepContext context,
      ServedModel served,
      QueryLogMetrics metrics,
      Limits limits) {
    this.options = options;
    this.context = context;
    this.served = served;
    this.metrics = metrics;
    this.limits = limits;
    this.thread = Thread.ofPlatform().name("query-log").daemon().unstarted(this::run);
  }

  /** Starts the writing thread. */
  public QueryLogWriter start() {
    thread.start();
    return this;
  }

  @Override
  public void add(AnsweredRequest request) {
    long bytes = request.bytes();
    int rows = request.predictions().size();
    if (queuedBytes.addAndGet(bytes) > limits.bytes) {
      queuedBytes.addAndGet(-bytes);
      metrics.dropped(Drop.QUEUE_FULL, rows);
      return;
    }
    metrics.queued(rows);
    queue.add(new Queued(request, bytes));
  }

  /** Writes what is queued, if the store takes it within a few seconds. */
  @Override
  public void close() {
    closing.countDown();
    try {
      if (metrics.waiting() == 0 || !thread.join(limits.lastWrites)) {
        thread.interrupt();
        thread.join(INTERRUPTED);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    long lost = metrics.waiting();
    if (lost > 0) {
      metrics.dropped(Drop.STOPPED, lost);
      LOG.log(
          Level.WARNING,
          "{0} rows are missing in the query log: the store did not take them before the stop.",
          Long.toString(lost));
    }
  }

  private void run() {
    try {
      for (boolean isLast = false; !isLast; ) {
        isLast = closing.await(PAUSE_MILLIS, TimeUnit.MILLISECONDS);
        drain();
        if (open != null && (isLast || open.isOlderThan(MOST_WAIT_NANOS))) {
          write(open);
        }
        tellOfDrops();
        if (!isLast) {
          removeOld();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // by close(), which has waited long enough
    }
  }

  private void drain() throws InterruptedException {
    for (Queued next = queue.poll(); next != null; next = queue.poll()) {
      queuedBytes.addAndGet(-next.bytes);
      AnsweredRequest request = next.request;
      if (!isSafe(request.version())) {
        drop(Drop.UNKNOWN_COLUMN, request.predictions().size());
        continue;
      }
      OpenBlock block = open;
      if (block != null && !block.takes(request, next.bytes)) {
        write(block);
        block = null;
      }
      if (block == null) {
        block = new OpenBlock(id(request), request);
        open = block;
      }
      block.add(request, next.bytes, options.columns);
    }
  }

  private String id(AnsweredRequest first) {
    return "%s/%s/%tH%<tM%<tS%<tL-%s-%06d"
        .formatted(
            first.version().modelName(),
            OpenBlock.date(first),
            first.receivedAt().atOffset(ZoneOffset.UTC),
            instance,
            blocks++);
  }

  /** Whether each column to be hashed is one: a misspelt name would leave values as they are. */
  private boolean isSafe(ModelVersion version) {
    String id = version.modelId();
    if (checked.add(id)) {
      List<String> read = version.preprocessing().rawColumns();
      List<String> hashed = options.columns.unknown(read, true);
      List<String> named = options.columns.unknown(read, false);
      if (!hashed.isEmpty()) {
        withUnknown.add(id);
        LOG.log(
            Level.ERROR,
            "The query log keeps nothing of {0}: it is to hash {1}, which the version does not"
                + " read. Correct --query-log-hash.",
            id,
            hashed);
      } else if (!named.isEmpty()) {
        LOG.log(
            Level.WARNING,
            "The query log is to keep {0}, which {1} does not read. Correct --query-log-columns.",
            named,
            id);
      }
    }
    return !withUnknown.contains(id);
  }

  /** Writes a block, as often as it takes while the store is away. */
  private void write(OpenBlock block) throws InterruptedException {
    while (true) {
      try {
        context.store().queryLogs().write(block.done());
        metrics.written(block.rows());
        if (storeIsAway) {
          LOG.log(Level.INFO, "The query log is written again.");
        }
        storeIsAway = false;
        break;
      } catch (RuntimeException e) {
        if (isPermanent(e)) {
          LOG.log(Level.ERROR, "The store refused rows of the query log: {0}", e.getMessage());
          drop(Drop.REFUSED, block.rows());
          break;
        }
        if (!storeIsAway) {
          LOG.log(
              Level.WARNING,
              "The query log waits in memory. {0}",
              DocumentStore.explain(e).getMessage());
        }
        storeIsAway = true;
        Thread.sleep(RETRY_MILLIS);
      }
    }
    open = null;
  }

  /** Whether the same document would be refused again; all else passes, such as an election. */
  private static boolean isPermanent(RuntimeException e) {
    return switch (e) {
      case MongoBulkWriteException refused -> !refused.getWriteErrors().isEmpty();
      case BsonMaximumSizeExceededException _ -> true;
      case MongoException _, NotReadyException _, InvalidInputException _ -> false;
      default -> true;
    };
  }

  private void drop(Drop reason, int rows) {
    metrics.queued(-rows);
    metrics.dropped(reason, rows);
  }

  private void tellOfDrops() {
    long dropped = metrics.lost(Drop.QUEUE_FULL);
    long now = System.nanoTime();
    if (dropped > toldOfDrops && now - toldAt >= QUIET_NANOS) {
      LOG.log(
          Level.WARNING,
          "{0} rows are missing in the query log, because more came than the store took.",
          Long.toString(dropped - toldOfDrops));
      toldOfDrops = dropped;
      toldAt = now;
    }
  }

  /** Removes what is too old, once a day. */
  private void removeOld() {
    LocalDate today = LocalDate.ofInstant(context.clock().instant(), ZoneOffset.UTC);
    if (today.equals(cleanedOn) || served.version().isEmpty()) {
      return;
    }
    cleanedOn = today; // a failure waits for tomorrow: the log itself matters more
    String model = served.version().get().modelName();
    LocalDate first = today.minusDays(options.keepDays);
    try {
      long removed = context.store().queryLogs().removeBefore(model, first);
      context.store().feedback().removeBefore(model, first);
      if (removed > 0) {
        LOG.log(
            Level.INFO,
            "Removed {0} blocks of the query log from before {1}.",
            Long.toString(removed),
            first);
      }
    } catch (RuntimeException e) {
      LOG.log(
          Level.WARNING,
          "The query log of the days before {0} is not removed yet: {1}",
          first,
          DocumentStore.explain(e).getMessage());
    }
  }
}
