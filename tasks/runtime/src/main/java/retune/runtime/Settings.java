package retune.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import retune.core.InvalidInputException;

/**
 * Settings of the machine or container that a step runs in: environment variables {@code RETUNE_…}.
 */
public record Settings(Map<String, String> environment) {
  public static final String DEFAULT_MONGO_URI = "mongodb://127.0.0.1:27018/retune";
  private static final String DEFAULT_STORE_WAIT_SECONDS = "30";
  private static final double SHORTEST_STORE_WAIT_SECONDS = 0.1;
  private static final int LONGEST_STORE_WAIT_SECONDS = 86_400;

  public Settings {
    environment = Map.copyOf(environment);
  }

  public String mongoUri() {
    return secret("RETUNE_MONGO_URI").orElse(DEFAULT_MONGO_URI);
  }

  /** How long a step waits for a document store that does not answer. */
  public Duration storeWait() {
    String seconds = find("RETUNE_STORE_WAIT").orElse(DEFAULT_STORE_WAIT_SECONDS);
    double wait = number(seconds);
    if (wait >= SHORTEST_STORE_WAIT_SECONDS && wait <= LONGEST_STORE_WAIT_SECONDS) {
      return Duration.ofMillis(Math.round(wait * 1000));
    }
    throw new InvalidInputException(
        "RETUNE_STORE_WAIT is '"
            + seconds
            + "'; set it to a number of seconds from "
            + SHORTEST_STORE_WAIT_SECONDS
            + " to "
            + LONGEST_STORE_WAIT_SECONDS
            + ".");
  }

  /** Which try of the task this is, from 1. */
  int tryNumber() {
    String text = find("RETUNE_TRY_NUMBER").orElse("1");
    if (text.matches("[1-9][0-9]{0,8}")) {
      return Integer.parseInt(text);
    }
    throw new InvalidInputException(
        "RETUNE_TRY_NUMBER is '" + text + "'; set it to a whole number from 1.");
  }

  /** How the log is written. */
  LogForm logForm() {
    String text = find("RETUNE_LOG").orElse("json");
    for (LogForm form : LogForm.values()) {
      if (form.id().equals(text)) {
        return form;
      }
    }
    throw new InvalidInputException(
        "RETUNE_LOG is '" + text + "'; set it to json, text or terminal.");
  }

  /**
   * Whether a service logs each request.
   *
   * @param byDefault of the service
   */
  public boolean logsAccess(boolean byDefault) {
    return switch (find("RETUNE_ACCESS_LOG").orElse(byDefault ? "on" : "off")) {
      case "on" -> true;
      case "off" -> false;
      case String text ->
          throw new InvalidInputException(
              "RETUNE_ACCESS_LOG is '" + text + "'; set it to on or off.");
    };
  }

  /** The trace that the step is part of; empty for none. */
  Optional<TraceContext> trace() {
    return TraceContext.of(environment.get("TRACEPARENT"));
  }

  /** How a result is printed unless the command line says. */
  ResultFormat resultFormat() {
    return ResultFormat.ofId(find("RETUNE_PRINT").orElse("json"), "RETUNE_PRINT");
  }

  /** How the log is written to standard error. */
  enum LogForm {
    /** One JSON object a line. */
    JSON,
    /** Lines for people. */
    TEXT,
    /** Lines for people, and a progress bar that is drawn with control codes. */
    TERMINAL;

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException notANumber) {
      return Double.NaN;
    }
  }

  /** The value of a variable; a blank value counts as absent. */
  public Optional<String> find(String variable) {
    return Optional.ofNullable(environment.get(variable)).filter(value -> !value.isBlank());
  }

  /**
   * A secret value: that of the variable, or the content of the file that {@code VARIABLE_FILE}
   * names, without trailing whitespace.
   */
  public Optional<String> secret(String variable) {
    Optional<String> value = find(variable);
    return value.isPresent() ? value : find(variable + "_FILE").map(file -> read(variable, file));
  }

  /** The folder that deploy_model exports the model in production to. */
  public Optional<Path> deploymentFolder() {
    return find("RETUNE_DEPLOYMENT_DIR").map(Path::of);
  }

  /** The folder that evaluations write their comparisons to. */
  public Optional<Path> reportFolder() {
    return find("RETUNE_REPORT_DIR").map(Path::of);
  }

  private static String read(String variable, String file) {
    try {
      return Files.readString(Path.of(file)).stripTrailing();
    } catch (IOException unreadable) {
      throw new InvalidInputException(
          "The file '%s' named by %s_FILE cannot be read; check that it exists and that this user may read it."
              .formatted(file, variable),
          unreadable);
    }
  }
}
