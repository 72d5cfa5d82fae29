package retune.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import retune.core.InvalidInputException;

/**
 * Settings of the place a step runs in, from environment variables {@code RETUNE_…}. Never part of
 * a step's input.
 */
public record Settings(Map<String, String> environment) {
  public static final String DEFAULT_MONGO_URI = "mongodb://127.0.0.1:27018/retune";
  private static final String DEFAULT_STORE_WAIT_SECONDS = "30";

  public Settings {
    environment = Map.copyOf(environment);
  }

  public String mongoUri() {
    return secret("RETUNE_MONGO_URI").orElse(DEFAULT_MONGO_URI);
  }

  /** How long a step waits for a document store that does not answer. */
  public Duration storeWait() {
    String seconds = find("RETUNE_STORE_WAIT").orElse(DEFAULT_STORE_WAIT_SECONDS);
    try {
      return Duration.ofMillis(Math.round(Double.parseDouble(seconds) * 1000));
    } catch (NumberFormatException notANumber) {
      throw new InvalidInputException(
          "RETUNE_STORE_WAIT is '" + seconds + "'; give a number of seconds.", notANumber);
    }
  }

  /** The value of a variable; empty text counts as absent. */
  public Optional<String> find(String variable) {
    return Optional.ofNullable(environment.get(variable)).filter(value -> !value.isBlank());
  }

  /**
   * A value that must not be shown: the variable itself, or the content of the file that {@code
   * VARIABLE_FILE} names, without its last line break.
   */
  public Optional<String> secret(String variable) {
    Optional<String> value = find(variable);
    return value.isPresent() ? value : find(variable + "_FILE").map(file -> read(variable, file));
  }

  /** Where deploy_model exports the current model to. */
  public Optional<Path> deploymentFolder() {
    return find("RETUNE_DEPLOYMENT_DIR").map(Path::of);
  }

  private static String read(String variable, String file) {
    try {
      return Files.readString(Path.of(file)).stripTrailing();
    } catch (IOException unreadable) {
      throw new InvalidInputException(
          "The file '%s' that %s_FILE names cannot be read; name one that this user may read."
              .formatted(file, variable),
          unreadable);
    }
  }
}
