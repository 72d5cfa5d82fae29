package retune.runtime;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import retune.runtime.Settings.LogForm;

/**
 * A step's log on standard error: lines for people or JSON lines. Libraries log to the same place,
 * warnings only.
 */
final class Logs {
  /** Loggers of libraries that log each of their own actions. */
  private static final String[] QUIET = {"org.mongodb", "ai.djl", "io.netty", "de.bwaldvogel"};

  // java.util.logging keeps loggers weakly: without this the levels set here would be lost.
  private static final Logger[] QUIET_LOGGERS = new Logger[QUIET.length];

  private Logs() {}

  static void configure(LogForm form, StepIdentity identity, Redactor redactor, PrintStream err) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Formatter formatter =
        form == LogForm.JSON
            ? new JsonFormatter(identity, redactor)
            : new LineFormatter(identity, redactor);
    root.addHandler(new StreamHandler(err, formatter));
    for (int i = 0; i < QUIET.length; i++) {
      QUIET_LOGGERS[i] = Logger.getLogger(QUIET[i]);
      QUIET_LOGGERS[i].setLevel(Level.WARNING);
    }
  }

  /**
   * The step and run that each line names.
   *
   * @param trace that the step is part of
   */
  record StepIdentity(String step, RunIdentity run, Optional<TraceContext> trace) {}

  /** Flushes each record, so that a killed step loses none. */
  private static final class StreamHandler extends Handler {
    private final PrintStream stream;

    StreamHandler(PrintStream stream, Formatter formatter) {
      this.stream = stream;
      setFormatter(formatter);
    }

    @Override
    public void publish(LogRecord record) {
      if (isLoggable(record)) {
        stream.print(getFormatter().format(record));
        stream.flush();
      }
    }

    @Override
    public void flush() {
      stream.flush();
    }

    @Override
    public void close() {}
  }

  private static final class LineFormatter extends Formatter {
    private static final DateTimeFormatter TIME =
        DateTimeFormatter.ofPattern("HH:mm:ss").withZone(ZoneId.systemDefault());
    private final String identity;
    private final Redactor redactor;

    LineFormatter(StepIdentity identity, Redactor redactor) {
      this.identity =
          " %s [%s #%d] "
              .formatted(identity.step(), identity.run().runId(), identity.run().tryNumber());
      this.redactor = redactor;
    }

    @Override
    public String format(LogRecord record) {
      String level =
          record.getLevel().intValue() > Level.INFO.intValue() ? levelOf(record) + " " : "";
      String trace =
          record.getThrown() == null ? "" : "\n" + traceOf(record.getThrown()).stripTrailing();
      return redactor.redact(
              TIME.format(record.getInstant()) + identity + level + formatMessage(record) + trace)
          + "\n";
    }
  }

  private static final class JsonFormatter extends Formatter {
    private final StepIdentity identity;
    private final Redactor redactor;

    JsonFormatter(StepIdentity identity, Redactor redactor) {
      this.identity = identity;
      this.redactor = redactor;
    }

    @Override
    public String format(LogRecord record) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put(
          "time",
          Instant.ofEpochMilli(record.getMillis()).truncatedTo(ChronoUnit.MILLIS).toString());
      line.put("level", levelOf(record));
      line.put("message", redactor.redact(formatMessage(record)));
      line.put("step", identity.step());
      line.put("dag_id", identity.run().dagId());
      line.put("run_id", identity.run().runId());
      line.put("task_id", identity.run().taskId());
      line.put("attempt", identity.run().tryNumber());
      identity
          .trace()
          .ifPresent(
              trace -> {
                line.put("trace_id", trace.traceId());
                line.put("span_id", trace.spanId());
              });
      line.put("logger", record.getLoggerName());
      Object[] parameters = record.getParameters();
      if (parameters != null && parameters.length == 1 && parameters[0] instanceof LogFields more) {
        more.fields()
            .forEach(
                (name, value) ->
                    line.put(name, value instanceof String text ? redactor.redact(text) : value));
      }
      if (record.getThrown() != null) {
        line.put("exception", redactor.redact(traceOf(record.getThrown())));
      }
      return Json.MAPPER.writeValueAsString(line) + "\n";
    }
  }

  /** Level names that log collectors know. */
  private static String levelOf(LogRecord record) {
    Level level = record.getLevel();
    if (level.equals(Level.SEVERE)) {
      return "ERROR";
    }
    return level.intValue() < Level.INFO.intValue() ? "DEBUG" : level.getName();
  }

  private static String traceOf(@Nullable Throwable thrown) {
    StringWriter trace = new StringWriter();
    if (thrown != null) {
      thrown.printStackTrace(new PrintWriter(trace));
    }
    return trace.toString();
  }
}
