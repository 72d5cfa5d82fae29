package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceContextTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";

  @Test
  void theSpecificationsExampleIsRead() {
    Optional<TraceContext> trace = TraceContext.of("00-" + TRACE + "-" + SPAN + "-01");
    assertEquals(Optional.of(new TraceContext(TRACE, SPAN)), trace);
    assertEquals(trace, TraceContext.of("cc-" + TRACE + "-" + SPAN + "-01-what-comes-later"));
    assertEquals(Optional.empty(), TraceContext.of(null));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-\"},{\"-00f067aa0ba902b7-01"
      })
  void whatIsNotValidIsNoTrace(String traceparent) {
    assertTrue(TraceContext.of(traceparent).isEmpty());
  }
}
