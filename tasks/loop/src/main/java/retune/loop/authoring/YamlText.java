package retune.loop.authoring;

import java.util.ArrayList;
import java.util.List;
import retune.runtime.Json;

/** Text as YAML takes it, whatever it says. */
final class YamlText {
  private static final int WIDTH = 98;

  private YamlText() {}

  /** A key or value; JSON's strings are YAML's. */
  static String quoted(String text) {
    return Json.MAPPER.writeValueAsString(text);
  }

  /** Text behind a #, on one line. */
  static String comment(String text) {
    return text.replaceAll("[\\p{Cntrl}\\u2028\\u2029\\u0085]+", " ");
  }

  /** Sentences as lines of comments. */
  static String comments(String indent, String text) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder(indent + "#");
    for (String word : comment(text).strip().split(" +", -1)) {
      if (line.length() + 1 + word.length() > WIDTH) {
        lines.add(line.toString());
        line = new StringBuilder(indent + "#");
      }
      line.append(' ').append(word);
    }
    lines.add(line.toString());
    return String.join("\n", lines) + "\n";
  }
}
