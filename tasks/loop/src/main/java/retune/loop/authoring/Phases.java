package retune.loop.authoring;

import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** Measures how long each phase of a run takes. */
final class Phases {
  private final Map<String, Double> seconds = new LinkedHashMap<>();

  /** What a phase does. */
  interface Work<T> {
    T run() throws IOException;
  }

  /** Runs the work and adds its seconds to those under the name. */
  <T> T timed(String phase, Work<T> work) throws IOException {
    long started = System.nanoTime();
    T result = work.run();
    double took = Math.round((System.nanoTime() - started) / 1e7) / 100.0;
    seconds.merge(phase, took, (earlier, now) -> Math.round((earlier + now) * 100) / 100.0);
    return result;
  }

  /** The seconds of a phase; 0 if it did not run. */
  double of(String phase) {
    return seconds.getOrDefault(phase, 0.0);
  }

  /** Seconds by phase, in the order of the phases. */
  Map<String, Double> seconds() {
    return Collections.unmodifiableMap(seconds);
  }
}
