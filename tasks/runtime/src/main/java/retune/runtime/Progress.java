package retune.runtime;

import java.io.PrintStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.LongSupplier;

/**
 * Shows the progress of long work: a bar on a terminal; elsewhere a log line after two seconds and
 * then one every five.
 */
final class Progress {
  private static final Logger LOG = System.getLogger(Progress.class.getName());
  private static final long FIRST_LOG_NANOS = 2_000_000_000L;
  private static final long LOG_EVERY_NANOS = 5_000_000_000L;
  private static final long DRAW_EVERY_NANOS = 100_000_000L;
  private static final int BAR_WIDTH = 30;

  private final boolean terminal;
  private final PrintStream err;
  private final LongSupplier nanoTime;
  private String current = "";
  private long started;
  private long shown;

  Progress(boolean terminal, PrintStream err, LongSupplier nanoTime) {
    this.terminal = terminal;
    this.err = err;
    this.nanoTime = nanoTime;
  }

  synchronized void show(String what, long done, long total) {
    long now = nanoTime.getAsLong();
    if (!what.equals(current)) {
      current = what;
      started = now;
      shown = now;
    }
    boolean finished = done >= total;
    if (now - shown < interval() && !(terminal && finished)) {
      return;
    }
    shown = now;
    if (terminal) {
      draw(what, done, total, now - started, finished);
    } else {
      LOG.log(
          Level.INFO,
          "{0}: {1} of {2}{3}",
          what,
          Long.toString(done),
          Long.toString(total),
          timeLeft(done, total, now - started));
    }
  }

  private long interval() {
    if (terminal) {
      return DRAW_EVERY_NANOS;
    }
    return shown == started ? FIRST_LOG_NANOS : LOG_EVERY_NANOS;
  }

  private void draw(String what, long done, long total, long elapsed, boolean finished) {
    int filled = total == 0 ? BAR_WIDTH : (int) (BAR_WIDTH * Math.min(done, total) / total);
    err.print(
        "\r%s [%s%s] %d/%d%s\033[K%s"
            .formatted(
                what,
                "#".repeat(filled),
                ".".repeat(BAR_WIDTH - filled),
                done,
                total,
                finished ? "" : timeLeft(done, total, elapsed),
                finished ? "\n" : ""));
    err.flush();
  }

  private static String timeLeft(long done, long total, long elapsed) {
    if (done <= 0) {
      return "";
    }
    long seconds = Math.round((double) elapsed / done * (total - done) / 1e9);
    return ", %d s left".formatted(seconds);
  }
}
