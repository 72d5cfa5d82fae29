package retune.steps.data;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import retune.core.InvalidInputException;
import retune.runtime.Settings;

/**
 * Secrets within the address of a day's file: {@code
 * https://host/{date}.csv?token={RETUNE_DATA_TOKEN}}. The process list and loop files then show the
 * variable's name and not its value.
 */
final class DataSecrets {
  private static final Logger LOGGER = System.getLogger(DataSecrets.class.getName());

  /** No other settings: an address must not carry the store's password elsewhere. */
  private static final Pattern VARIABLE = Pattern.compile("\\{(RETUNE_DATA_[A-Z0-9_]+)}");

  private static final Pattern QUERY = Pattern.compile("(?i)https?://[^?]*[?].*");

  private DataSecrets() {}

  /**
   * Puts the values of the named variables, or of the files that {@code …_FILE} names, in place.
   *
   * @throws InvalidInputException where a variable is not set
   */
  static String fill(String place, Settings settings) {
    Matcher variable = VARIABLE.matcher(place);
    if (!variable.find() && QUERY.matcher(place).matches()) {
      LOGGER.log(
          Level.WARNING,
          "The address in ''data'' has a query, which every user of this machine can read in the"
              + " process list. If it holds a token, set RETUNE_DATA_TOKEN and write"
              + " '{'RETUNE_DATA_TOKEN'}' in its place.");
    }
    return variable.replaceAll(found -> Matcher.quoteReplacement(value(found.group(1), settings)));
  }

  private static String value(String variable, Settings settings) {
    return settings
        .secret(variable)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'data' names {%s}, which is not set; set %s, or %s_FILE to a file with the value."
                        .formatted(variable, variable, variable)));
  }
}
