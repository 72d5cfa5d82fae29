package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import retune.runtime.Logs.StepIdentity;
import retune.runtime.Settings.LogForm;
import tools.jackson.databind.JsonNode;

/** The JSON form of the log. */
class LogsTest {
  private static final Logger ROOT = Logger.getLogger("");
  private static final Logger ACCESS = Logger.getLogger("retune.access");
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";

  private final Handler[] handlers = ROOT.getHandlers();
  private final ByteArrayOutputStream written = new ByteArrayOutputStream();

  @BeforeEach
  void asAStepHasIt() {
    ACCESS.setLevel(Level.INFO);
  }

  @AfterEach
  void asItWas() {
    ACCESS.setLevel(null);
    for (Handler handler : ROOT.getHandlers()) {
      ROOT.removeHandler(handler);
    }
    for (Handler handler : handlers) {
      ROOT.addHandler(handler);
    }
  }

  @Test
  void aLineHasTheTraceOfItsTaskAndItsFieldsWithoutSecrets() {
    JsonNode line =
        logged(
            TraceContext.of("00-%s-%s-01".formatted(TRACE, SPAN)),
            Map.of("path", "/of/secret-token", "status", 200));

    assertEquals(TRACE, line.required("trace_id").stringValue());
    assertEquals(SPAN, line.required("span_id").stringValue());
    assertEquals("A sentence.", line.required("message").stringValue());
    assertEquals("evaluate_model", line.required("step").stringValue());
    assertEquals("/of/***", line.required("path").stringValue());
    assertEquals(200, line.required("status").intValue());
  }

  @Test
  void aLineOfAStepByHandHasNoTrace() {
    assertFalse(logged(Optional.empty(), Map.of()).has("trace_id"));
  }

  private JsonNode logged(Optional<TraceContext> trace, Map<String, Object> fields) {
    Logs.configure(
        LogForm.JSON,
        new StepIdentity("evaluate_model", new RunIdentity("dag", "run", "task", 1), trace),
        new Redactor(new Settings(Map.of("RETUNE_QUERY_TOKEN", "secret-token"))),
        new PrintStream(written, true, StandardCharsets.UTF_8));
    System.getLogger("retune.access")
        .log(System.Logger.Level.INFO, LogFields.PATTERN, new LogFields("A sentence.", fields));
    return Json.MAPPER.readTree(written.toByteArray());
  }
}
