package retune.loop.daily;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingEndEvent;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceEndEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.events.StreamEndEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.resolver.CoreScalarResolver;
import retune.core.InvalidInputException;
import retune.runtime.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a YAML file of settings as YAML 1.2 does (core schema), from a file that may hold anything.
 * The DAGs' {@code settings_file.py} does the same; {@code airflow/tests/loop-files} holds the
 * files on which both are tested.
 */
final class YamlFile {
  private static final int MOST_BYTES = 65_536;
  private static final int DEEPEST = 20;
  private static final int LONGEST_SHOWN = 60;

  /** Neither a line break nor printable, or a line separator that is none in YAML 1.1 or 1.2. */
  private static final Pattern REFUSED =
      Pattern.compile(
          "\r"
              + "(?!\n"
              + ")|[^\n\r"
              + "\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\x{10000}-\\x{10ffff}]");

  private static final Pattern UNENCODABLE = Pattern.compile("[\\x00\\ud800-\\udfff]");
  private static final Pattern NOT_FINITE = Pattern.compile("[-+]?\\.[A-Za-z]+");
  private static final CoreScalarResolver RESOLVER = new CoreScalarResolver(false);
  private static final JsonNodeFactory NODES = Json.MAPPER.getNodeFactory();

  private final Path file;
  private final Iterator<Event> events;

  /** Whether the collection that is being read is written in brackets. */
  private boolean flow;

  private YamlFile(Path file, String text) {
    this.file = file;
    this.events = new Parse(LoadSettings.builder().build()).parseString(text).iterator();
  }

  /**
   * The file's settings.
   *
   * @throws InvalidInputException with a sentence that begins with the file and, where there is
   *     one, the line
   */
  static ObjectNode read(Path file) {
    String text = text(file);
    try {
      return new YamlFile(file, text).settings();
    } catch (MarkedYamlEngineException e) {
      Optional<Mark> mark =
          e.getProblemMark().or(() -> Optional.ofNullable(e.getContextMark()).flatMap(m -> m));
      throw new InvalidInputException(
          "%s, line %d: %s."
              .formatted(file, mark.map(m -> m.getLine() + 1).orElse(1), e.getProblem()),
          e);
    } catch (YamlEngineException | IllegalArgumentException e) {
      throw new InvalidInputException(
          "%s: has an escape that is not a character.".formatted(file), e);
    }
  }

  private static String text(Path file) {
    if (!Files.exists(file)) {
      throw mistake(file, ": is a link to a file that does not exist.");
    }
    if (!Files.isRegularFile(file)) {
      throw mistake(file, ": is not a regular file.");
    }
    byte[] content;
    try (InputStream stream = Files.newInputStream(file)) {
      content = stream.readNBytes(MOST_BYTES + 1);
    } catch (IOException e) {
      throw new InvalidInputException(
          "%s: cannot be read (%s).".formatted(file, e.getMessage()), e);
    }
    if (content.length > MOST_BYTES) {
      throw mistake(file, ": is larger than %d bytes.".formatted(MOST_BYTES));
    }
    String text = decoded(file, content);
    Matcher refused = REFUSED.matcher(text);
    if (refused.find()) {
      throw mistake(
          file,
          ", line %d: has the character U+%04X; use spaces, or write it as an escape in double quotes."
              .formatted(line(text.substring(0, refused.start())), refused.group().codePointAt(0)));
    }
    return text;
  }

  /** The text without its byte order mark. */
  private static String decoded(Path file, byte[] content) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer bytes = ByteBuffer.wrap(content);
    try {
      String text = decoder.decode(bytes).toString();
      return text.startsWith("\ufeff") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      String before = new String(content, 0, bytes.position(), StandardCharsets.UTF_8);
      throw new InvalidInputException(
          "%s, line %d: is not UTF-8; save the file as UTF-8.".formatted(file, line(before)), e);
    }
  }

  private ObjectNode settings() {
    events.next(); // the stream's start
    if (events.next() instanceof DocumentStartEvent start) {
      if (start.getSpecVersion().isPresent() || !start.getTags().isEmpty()) {
        throw mistake(start, "", "directives such as %YAML are not supported");
      }
      JsonNode content = value(events.next(), "", 0);
      events.next(); // the document's end
      Event after = events.next();
      if (!(after instanceof StreamEndEvent)) {
        throw mistake(after, "", "a second document begins; a file is one");
      }
      if (content instanceof ObjectNode settings) {
        return settings;
      }
    }
    throw mistake(file, ": must be settings such as 'name: credit-default'.");
  }

  private JsonNode value(Event event, String where, int depth) {
    if (event instanceof AliasEvent
        || (event instanceof NodeEvent node && node.getAnchor().isPresent())
        || (event instanceof CollectionStartEvent start && start.getTag().isPresent())
        || (event instanceof ScalarEvent text && text.getTag().isPresent())) {
      throw mistake(event, where, "anchors, aliases and tags are not supported");
    }
    if (depth > DEEPEST) {
      throw mistake(event, where, "is nested more than %d levels deep".formatted(DEEPEST));
    }
    if (event instanceof ScalarEvent scalar) {
      return scalar(scalar, where);
    }
    boolean outerFlow = flow;
    flow = ((CollectionStartEvent) event).isFlow();
    JsonNode content =
        event instanceof SequenceStartEvent ? list(where, depth) : mapping(where, depth);
    flow = outerFlow;
    return content;
  }

  private ArrayNode list(String where, int depth) {
    ArrayNode items = NODES.arrayNode();
    for (Event event = events.next(); !(event instanceof SequenceEndEvent); event = events.next()) {
      items.add(value(event, "%s[%d]".formatted(where, items.size()), depth + 1));
    }
    return items;
  }

  private ObjectNode mapping(String where, int depth) {
    ObjectNode settings = NODES.objectNode();
    for (Event event = events.next(); !(event instanceof MappingEndEvent); event = events.next()) {
      JsonNode key = value(event, where, depth + 1);
      if (!key.isString()) {
        String shown = key.isNull() ? "no value" : shown(key.toString());
        throw mistake(event, where, "the key %s is not text; put it in quotes".formatted(shown));
      }
      String name = (where.isEmpty() ? "" : where + ".") + shown(key.stringValue());
      if (settings.has(key.stringValue())) {
        throw mistake(event, name, "is there twice");
      }
      settings.set(key.stringValue(), value(events.next(), name, depth + 1));
    }
    return settings;
  }

  private JsonNode scalar(ScalarEvent event, String where) {
    String text = event.getValue();
    if (UNENCODABLE.matcher(text).find()) {
      throw mistake(event, where, "has an escape that is not a character");
    }
    if (flow && event.isPlain() && text.contains("?")) { // which PyYAML takes for a key's mark
      throw mistake(event, where, "text with '?' between brackets needs quotes");
    }
    Tag tag = RESOLVER.resolve(text, event.getImplicit().canOmitTagInPlainScalar());
    if (tag.equals(Tag.NULL)) {
      return NODES.nullNode();
    }
    if (tag.equals(Tag.BOOL)) {
      return NODES.booleanNode(Boolean.parseBoolean(text));
    }
    if (tag.equals(Tag.INT)) {
      BigInteger number = integer(text);
      if (number.bitLength() < Long.SIZE) {
        return NODES.numberNode(number.longValue());
      }
    } else if (tag.equals(Tag.FLOAT)) {
      double number = NOT_FINITE.matcher(text).matches() ? Double.NaN : Double.parseDouble(text);
      if (Double.isFinite(number)) {
        return NODES.numberNode(number);
      }
    } else {
      return NODES.stringNode(text);
    }
    throw mistake(event, where, "the number %s is too large".formatted(shown(text)));
  }

  private static BigInteger integer(String text) {
    return switch (text.length() > 2 ? text.substring(0, 2) : "") {
      case "0o" -> new BigInteger(text.substring(2), 8);
      case "0x" -> new BigInteger(text.substring(2), 16);
      default -> new BigInteger(text);
    };
  }

  private static String shown(String text) {
    return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN - 1) + "…";
  }

  private static long line(String before) {
    return before.chars().filter(character -> character == '\n').count() + 1;
  }

  private InvalidInputException mistake(Event event, String where, String problem) {
    int line = event.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
    String key = where.isEmpty() ? "" : " " + where + ":";
    return mistake(file, ", line %d:%s %s.".formatted(line, key, problem));
  }

  private static InvalidInputException mistake(Path file, String problem) {
    return new InvalidInputException(file + problem);
  }
}
