package retune.runtime;

import java.net.URI;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Hides secrets in whatever leaves a step: logs, results and errors. */
final class Redactor {
  private static final String HIDDEN = "***";
  private static final Pattern SECRET_NAME =
      Pattern.compile("RETUNE_\\w*(URI|URL|KEY|TOKEN|PASSWORD|SECRET)(_FILE)?");
  private static final Pattern PASSWORD_IN_URI = Pattern.compile("(://[^\\s/:@]*):[^\\s/]*@");

  /** Longest first, so that a secret within a secret leaves nothing of either. */
  private final List<String> secrets;

  Redactor(Settings settings) {
    this.secrets =
        settings.environment().keySet().stream()
            .filter(name -> SECRET_NAME.matcher(name).matches())
            .map(name -> name.endsWith("_FILE") ? name.substring(0, name.length() - 5) : name)
            .distinct()
            .flatMap(name -> settings.secret(name).stream())
            .flatMap(Redactor::secretParts)
            .sorted(Comparator.comparingInt(String::length).reversed())
            .toList();
  }

  /** Whether a text has an address with a password in it. */
  static boolean holdsPassword(String text) {
    return PASSWORD_IN_URI.matcher(text).find();
  }

  String redact(String text) {
    String redacted = text;
    for (String secret : secrets) {
      redacted = redacted.replace(secret, HIDDEN);
    }
    return PASSWORD_IN_URI.matcher(redacted).replaceAll("$1:" + HIDDEN + "@");
  }

  /**
   * What of a value is secret: of an address the password and a path that serves as a key, else all
   * of it.
   */
  private static Stream<String> secretParts(String value) {
    if (!value.contains("://")) {
      return Stream.of(value);
    }
    String userInfo = between(value, "://", "@");
    String password = userInfo.contains(":") ? userInfo.substring(userInfo.indexOf(':') + 1) : "";
    String path = value.startsWith("http") ? Objects.requireNonNullElse(pathOf(value), "") : "";
    return Map.of("password", password, "path", path).values().stream()
        .filter(part -> part.length() > 1);
  }

  private static String between(String text, String start, String end) {
    int from = text.indexOf(start) + start.length();
    int to = text.lastIndexOf(end);
    return to > from ? text.substring(from, to) : "";
  }

  private static String pathOf(String address) {
    try {
      return URI.create(address).getRawPath();
    } catch (IllegalArgumentException malformed) {
      return address;
    }
  }
}
