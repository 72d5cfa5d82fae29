package retune.runtime;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The trace that work belongs to, as W3C's Trace Context names it: {@code traceparent} of a
 * request, {@code TRACEPARENT} of a process.
 *
 * @param traceId 32 hexadecimal digits
 * @param spanId 16 hexadecimal digits: of the span that the work is part of
 */
public record TraceContext(String traceId, String spanId) {
  /** Later versions may have more parts. */
  private static final Pattern PARENT =
      Pattern.compile("(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?");

  /** The trace of a header or variable; empty where it has none, or one that is not valid. */
  public static Optional<TraceContext> of(@Nullable String traceparent) {
    return Optional.ofNullable(traceparent)
        .map(String::strip)
        .map(PARENT::matcher)
        .filter(Matcher::matches)
        .map(parts -> new TraceContext(parts.group(1), parts.group(2)))
        .filter(trace -> !trace.traceId.matches("0+") && !trace.spanId.matches("0+"));
  }
}
