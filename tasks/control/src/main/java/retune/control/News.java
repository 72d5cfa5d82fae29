package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;

/**
 * Tells open pages that something has changed, as server-sent events. One thread looks at the store
 * for all of them, while there are any. A page that is not told looks by itself, each minute.
 */
final class News implements Route.Group, AutoCloseable {
  /** Where pages listen by themselves. */
  static final String PATH = "/events";

  /** Says how many pages are told. */
  static final String SETTING = "RETUNE_LIVE_PAGES";

  private static final Logger LOG = System.getLogger(News.class.getName());
  private static final int USUAL = 100;

  /** Each holds a place of a request, of which a heap of 256 MB has about 970. */
  private static final int MOST = 400;

  /** What a page shows; a record of something new is one more document. */
  private static final List<String> WATCHED =
      List.of(
          "alert_acknowledgements",
          "alerts",
          "approval_answers",
          "approval_requests",
          "attempts",
          "challenger_events",
          "challenger_ledger",
          "challenger_promotions",
          "control_events",
          "deployment_events",
          "drift_reports",
          "model_metadata",
          "outcomes",
          "performance_estimates",
          "performance_metrics",
          "retraining_events",
          "retraining_outcomes",
          "training_candidates",
          "trigger_decisions",
          "verdicts");

  /**
   * Times of the service.
   *
   * @param betweenLooks at the store
   * @param heartbeat after which a silent connection gets a comment, so that one whose page has
   *     left is noticed
   * @param longest connection: the server cuts answers after a minute, so that each ends before,
   *     and the browser connects again
   */
  record Times(Duration betweenLooks, Duration heartbeat, Duration longest) {
    private static final Times USUAL =
        new Times(Duration.ofSeconds(2), Duration.ofSeconds(10), Duration.ofSeconds(50));
  }

  private final StepContext context;
  private final int most;
  private final Times times;

  /** What the store had at the last look; null before the first. */
  private @Nullable String state;

  private int listeners;
  private boolean isClosed;
  private @Nullable Thread watcher;

  /** News for as many pages as the settings say. */
  News(StepContext context) {
    this(context, most(context), Times.USUAL);
  }

  News(StepContext context, int most, Times times) {
    this.context = context;
    this.most = most;
    this.times = times;
  }

  private static int most(StepContext context) {
    String text = context.settings().find(SETTING).orElse(Integer.toString(USUAL));
    if (!text.matches("\\d{1,5}") || Integer.parseInt(text) > MOST) {
      throw new InvalidInputException(
          "%s is '%s'; set it to the number of pages that are told of news at once, from 0 to %d."
              .formatted(SETTING, text, MOST));
    }
    return Integer.parseInt(text);
  }

  @Override
  public List<Route> routes() {
    return List.of(Route.get(PATH, this::listen));
  }

  private Answer listen(HttpExchange exchange, Map<String, String> parameters) throws IOException {
    enter();
    try {
      Headers headers = exchange.getResponseHeaders();
      headers.set("Content-Type", "text/event-stream; charset=utf-8");
      headers.set("X-Accel-Buffering", "no"); // nginx passes on each event as it comes
      boolean isHead = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(200, isHead ? -1 : 0);
      if (!isHead) {
        tell(exchange);
      }
    } finally {
      leave();
    }
    return new Answer(200, "text/event-stream", new byte[0]);
  }

  /** Tells news until its time is over or the page is left. */
  private void tell(HttpExchange exchange) {
    long start = System.nanoTime();
    String told = "";
    try (OutputStream events = exchange.getResponseBody()) {
      while (System.nanoTime() - start < times.longest.toNanos()) {
        String now = next(told);
        if (now == null) {
          return;
        }
        events.write((now.equals(told) ? ":\n\n" : "data: " + now + "\n\n").getBytes(UTF_8));
        events.flush();
        told = now;
      }
    } catch (IOException left) {
      LOG.log(Level.TRACE, "A page was left: {0}", left.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * What the store has now, once it is something else; what was told, once a heartbeat is due, also
   * where the store has not answered yet; null at the end.
   *
   * @param told empty before the first event
   */
  private synchronized @Nullable String next(String told) throws InterruptedException {
    long start = System.nanoTime();
    while (!isClosed && (state == null || state.equals(told))) {
      long left = times.heartbeat.toNanos() - (System.nanoTime() - start);
      if (left <= 0) {
        break;
      }
      wait(Math.max(1, Duration.ofNanos(left).toMillis()));
    }
    return isClosed ? null : Objects.requireNonNullElse(state, told);
  }

  private synchronized void enter() {
    if (isClosed || listeners >= most) {
      throw new Refusal(
          503,
          "%d pages are told of news already; this one looks each minute. %s sets how many are told."
              .formatted(listeners, SETTING));
    }
    listeners++;
    if (watcher == null) {
      state = null; // nobody has looked meanwhile
      watcher = Thread.ofVirtual().name("news").start(this::watch);
    }
  }

  private synchronized void leave() {
    listeners--;
  }

  /** Pages that are told now. */
  synchronized int listeners() {
    return listeners;
  }

  /** Whether the store is looked at. */
  synchronized boolean isWatching() {
    return watcher != null;
  }

  private void watch() {
    try {
      while (true) {
        String now = look();
        synchronized (this) {
          if (isClosed || listeners == 0) {
            watcher = null;
            return;
          }
          if (now != null && !now.equals(state)) {
            state = now;
            notifyAll();
          }
        }
        Thread.sleep(times.betweenLooks);
      }
    } catch (InterruptedException e) {
      synchronized (this) {
        watcher = null;
      }
    }
  }

  /** A short text that changes with what the store has; null if it does not answer. */
  private @Nullable String look() {
    try {
      StringBuilder seen = new StringBuilder();
      for (String collection : WATCHED) {
        seen.append(context.store().collection(collection).estimatedDocumentCount()).append(' ');
      }
      append("champions", seen, "revision", "deployed_at", "challenger.number");
      append("challenger_waits", seen, "message");
      return Hashing.sha256(seen.toString()).substring(0, 12);
    } catch (RuntimeException e) {
      LOG.log(Level.DEBUG, "The store was not looked at: {0}", e.getMessage());
      return null;
    } catch (Error e) { // the thread must not end: the pages wait for its next look
      LOG.log(Level.ERROR, "The store was not looked at: " + e, e);
      return null;
    }
  }

  /** Appends fields of each document of a collection whose documents change. */
  private void append(String collection, StringBuilder to, String... fields) {
    context
        .store()
        .collection(collection)
        .find()
        .projection(Projections.include(fields))
        .sort(Sorts.ascending("_id"))
        .forEach(document -> to.append(document.toJson()));
  }

  /** Ends all connections. */
  @Override
  public synchronized void close() {
    isClosed = true;
    notifyAll();
    if (watcher != null) {
      watcher.interrupt();
    }
  }
}
