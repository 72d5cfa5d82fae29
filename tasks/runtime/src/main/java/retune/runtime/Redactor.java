package retune.runtime;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Hides secrets in logs and errors. Results stay as they are: the next step reads them.
 *
 * <p>A secret is the value of a setting whose name says so, and of an address its password, its
 * path and its query. The address of the run is none. Only whole words of at least {@link
 * #SHORTEST} characters are hidden, so that a short or common password does not mutilate every
 * sentence.
 */
final class Redactor {
  private static final String HIDDEN = "***";
  private static final int SHORTEST = 6;
  private static final Pattern SECRET_NAME =
      Pattern.compile(
          "RETUNE_(?!RUN_URL)(\\w*(URI|URL|KEY|TOKEN|PASSWORD|SECRET)|DATA_\\w+)(_FILE)?");
  private static final Pattern PASSWORD_IN_URI = Pattern.compile("(://[^\\s/:@]*):[^\\s/]*@");

  private final List<Pattern> secrets;

  Redactor(Settings settings) {
    this.secrets =
        settings.environment().keySet().stream()
            .filter(name -> SECRET_NAME.matcher(name).matches())
            .map(name -> name.endsWith("_FILE") ? name.substring(0, name.length() - 5) : name)
            .distinct()
            .flatMap(name -> settings.secret(name).stream())
            .flatMap(Redactor::secretParts)
            .filter(part -> part.length() >= SHORTEST)
            .distinct()
            // Longest first, so that a secret within a secret leaves nothing of either.
            .sorted(Comparator.comparingInt(String::length).reversed())
            .map(Redactor::wholeWord)
            .toList();
  }

  /** Whether a text has an address with a password in it. */
  static boolean holdsPassword(String text) {
    return PASSWORD_IN_URI.matcher(text).find();
  }

  String redact(String text) {
    String redacted = PASSWORD_IN_URI.matcher(text).replaceAll("$1:" + HIDDEN + "@");
    for (Pattern secret : secrets) {
      redacted = secret.matcher(redacted).replaceAll(HIDDEN);
    }
    return redacted;
  }

  /** Matches a text where no letter, digit or underscore continues it on either side. */
  private static Pattern wholeWord(String text) {
    String before = isWord(text.charAt(0)) ? "(?<![\\p{L}\\p{N}_])" : "";
    String after = isWord(text.charAt(text.length() - 1)) ? "(?![\\p{L}\\p{N}_])" : "";
    return Pattern.compile(before + Pattern.quote(text) + after);
  }

  private static boolean isWord(char character) {
    return Character.isLetterOrDigit(character) || character == '_';
  }

  private static Stream<String> secretParts(String value) {
    if (!value.contains("://")) {
      return Stream.of(value);
    }
    String userInfo = between(value, "://", "@");
    String password = userInfo.contains(":") ? userInfo.substring(userInfo.indexOf(':') + 1) : "";
    Stream<String> parts = Stream.of(password, decoded(password));
    return value.startsWith("http") ? Stream.concat(parts, pathAndQuery(value)) : parts;
  }

  private static String between(String text, String start, String end) {
    int from = text.indexOf(start) + start.length();
    int to = text.lastIndexOf(end);
    return to > from ? text.substring(from, to) : "";
  }

  private static String decoded(String password) {
    try {
      return URLDecoder.decode(password.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException malformed) {
      return password;
    }
  }

  private static Stream<String> pathAndQuery(String address) {
    try {
      URI uri = URI.create(address);
      return Stream.<@Nullable String>of(uri.getRawPath(), uri.getRawQuery())
          .map(part -> Objects.requireNonNullElse(part, ""));
    } catch (IllegalArgumentException malformed) {
      return Stream.of(address);
    }
  }
}
