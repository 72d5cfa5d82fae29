package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private static final Logger LOGGER = Logger.getLogger(Progress.class.getName());

  private final List<String> lines = new ArrayList<>();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord line) {
          lines.add(new SimpleFormatter().formatMessage(line));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };
  private long seconds;

  @BeforeEach
  void listen() {
    LOGGER.setLevel(Level.INFO);
    LOGGER.setUseParentHandlers(false);
    LOGGER.addHandler(handler);
  }

  @AfterEach
  void leave() {
    LOGGER.removeHandler(handler);
    LOGGER.setLevel(null);
    LOGGER.setUseParentHandlers(true);
  }

  @Test
  void aLogLineComesAfterTwoSecondsThenEveryFive() {
    Progress progress = progress(false);
    for (seconds = 0; seconds <= 12; seconds++) {
      progress.show("rows", seconds, 48);
    }
    assertEquals(
        List.of(
            "rows: 2 of 48, 46 s left", "rows: 7 of 48, 41 s left", "rows: 12 of 48, 36 s left"),
        lines);
  }

  @Test
  void aTerminalHasABarThatEndsItsLine() {
    Progress progress = progress(true);
    progress.show("rows", 0, 2);
    seconds = 1;
    progress.show("rows", 1, 2);
    progress.show("rows", 2, 2);
    String drawn = err.toString(StandardCharsets.UTF_8);
    assertTrue(drawn.contains("[###############...............] 1/2, 1 s left"), drawn);
    assertTrue(drawn.endsWith("[##############################] 2/2\033[K\n"), drawn);
    assertEquals(List.of(), lines);
  }

  private Progress progress(boolean terminal) {
    return new Progress(
        terminal,
        new PrintStream(err, true, StandardCharsets.UTF_8),
        () -> seconds * 1_000_000_000L);
  }
}
