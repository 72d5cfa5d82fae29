package retune.loop.daily;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.finetuning.Strategy;
import retune.runtime.Json;
import retune.runtime.Steps;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A loop file's settings for a day's steps. As in the DAGs, a setting has the type, range and
 * default that its step declares. Settings for Airflow alone (owner, schedule, resources) are not
 * checked.
 *
 * @param fileHash SHA-256 of the loop file
 * @param bareIds whether the loop's DAGs have the plain pipeline names
 * @param shards number of shards of each step that can be sharded
 * @param attempts the strategies of the attempts, in order
 * @param data inputs of the source's step, with defaults
 * @param sections the other settings by section and name, with defaults
 */
record LoopSettings(
    String name,
    String fileHash,
    boolean bareIds,
    int shards,
    List<Strategy> attempts,
    Source source,
    ObjectNode data,
    ObjectNode sections) {
  /** The source of a day's rows: the step that takes them, and its inputs by setting. */
  enum Source {
    SYNTHETIC(
        "generate_data",
        "",
        Map.of("rows", "rows", "drill", "drill", "drill_strength", "drill_strength")),
    CSV("ingest", "path", Map.of("path", "data", "key", "key")),
    MONGO(
        "ingest",
        "collection",
        Map.of("collection", "collection", "filter", "filter", "key", "key")),
    QUERIES("collect_queries", "", Map.of("key", "key", "own_labels", "own_labels"));

    private final String step;
    private final String needed;

    @SuppressWarnings("ImmutableEnumChecker") // Map.of is
    private final Map<String, String> inputs;

    Source(String step, String needed, Map<String, String> inputs) {
      this.step = step;
      this.needed = needed;
      this.inputs = inputs;
    }

    String step() {
      return step;
    }

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** A section of a loop file whose settings are inputs of steps, with the same names. */
  enum Section {
    LABELS("evaluate_model", "path", "mature_share", "mature_days"),
    GATE(
        "check_model_performance",
        "metric",
        "threshold",
        MAX_ATTEMPTS,
        "selection",
        "evidence",
        "policy",
        "retention_limit",
        "on_conflict",
        "below_gate"),
    FINETUNING("finetune_model", "epochs", "learning_rate", "batch_size"),
    PROMOTION("send_evaluation_results", "allow_backfill_promotion"),
    DEPLOYMENT("wait_for_model_ready", "wait_seconds"),
    RETRAINING(
        "check_retraining_trigger",
        "triggers",
        "min_samples",
        "min_days",
        "max_days_since_training",
        "min_auc",
        "most_samples",
        "on_drift",
        "window_days",
        "candidates",
        "trials",
        "half_life_days");

    private final String step;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is
    private final List<String> settings;

    Section(String step, String... settings) {
      this.step = step;
      this.settings = List.of(settings);
    }

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The step whose input a setting is. */
    private String step(String setting) {
      return switch (setting) {
        case "window_days" -> "prepare_training_data";
        case "candidates", "trials", "half_life_days" -> "retrain_model";
        case "path" -> "ingest_labels";
        default -> step;
      };
    }

    /** The input that a setting is. */
    private String input(String setting) {
      return this == LABELS && setting.equals("path") ? "data" : setting;
    }
  }

  /** What callers sent to the prediction service, for {@code ingest_labels}. */
  private static final String FEEDBACK = "feedback";

  private static final String KEY = "key";
  private static final String SHARDS = "shards";
  private static final String ATTEMPTS = "attempts";
  private static final String MAX_ATTEMPTS = "max_attempts";
  private static final List<String> STRATEGIES =
      Stream.of(Strategy.values()).map(Strategy::id).toList();

  /** Settings that are not a {@link Section}. */
  private static final Set<String> OTHERS =
      new TreeSet<>(
          Set.of(
              "name",
              "primary",
              "owner",
              "schedule",
              "engine",
              SHARDS,
              ATTEMPTS,
              "data",
              "resources"));

  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  /**
   * Finds the settings of a loop by its name.
   *
   * @param folders folders with loop files, {@code *.yaml}; other loops' files may have mistakes
   */
  static LoopSettings find(String name, List<Path> folders) throws IOException {
    Map<Path, ObjectNode> files = new TreeMap<>();
    List<String> unreadable = new ArrayList<>();
    for (Path file : files(folders)) {
      try {
        files.put(file, read(file));
      } catch (InvalidInputException mistake) {
        unreadable.add(mistake.getMessage());
      }
    }
    List<Map.Entry<Path, ObjectNode>> found =
        files.entrySet().stream().filter(file -> isOf(file.getValue(), name)).toList();
    if (found.size() > 1) {
      throw new InvalidInputException(
          "'%s' and '%s' are both the loop '%s'; give one of them another name."
              .formatted(found.get(0).getKey(), found.get(1).getKey(), name));
    }
    if (found.isEmpty()) {
      throw new InvalidInputException(
          "There is no loop '%s' in %s; the loops there are %s.%s"
              .formatted(
                  name,
                  folders,
                  files.values().stream().map(file -> file.required("name").stringValue()).toList(),
                  unreadable.isEmpty() ? "" : " " + String.join(" ", unreadable)));
    }
    Path file = found.getFirst().getKey();
    ObjectNode content = found.getFirst().getValue();
    boolean bareIds =
        content.path("primary").asBoolean(false) || files.size() + unreadable.size() == 1;
    Source source = source(file, content.path("data"));
    List<Strategy> attempts = attempts(file, content.path(ATTEMPTS));
    ObjectNode data = data(file, source, content.path("data"));
    return new LoopSettings(
        name,
        Hashing.sha256(Files.readAllBytes(file)),
        bareIds,
        shards(file, content),
        attempts,
        source,
        data,
        sections(file, content, data, attempts.size()));
  }

  /** A section's settings by name. */
  Map<String, JsonNode> section(Section section) {
    return byName(sections.required(section.id()));
  }

  /** The settings of the day's rows, as inputs of the source's step. */
  Map<String, JsonNode> inputsOfSource() {
    return byName(data);
  }

  JsonNode get(Section section, String setting) {
    return sections.required(section.id()).required(setting);
  }

  /** Whether anything but a person may start a retraining. */
  boolean hasTriggers() {
    return !section(Section.RETRAINING)
        .getOrDefault("triggers", Json.MAPPER.createArrayNode())
        .isEmpty();
  }

  /** Whether labels can come after the rows. */
  boolean hasKeys() {
    return data.has(KEY);
  }

  /** When the labels of a day suffice that come after its rows, or after its requests. */
  Map<String, JsonNode> maturity() {
    return Map.of(
        "mature_share", get(Section.LABELS, "mature_share"),
        "mature_days", get(Section.LABELS, "mature_days"));
  }

  /** Where labels are that come after the rows; those of queries come as feedback. */
  Optional<String> labels() {
    return Optional.ofNullable(section(Section.LABELS).get("data"))
        .map(JsonNode::stringValue)
        .or(() -> source == Source.QUERIES ? Optional.of(FEEDBACK) : Optional.empty());
  }

  /** These settings with some overridden for generated rows, checked like the file's. */
  LoopSettings withGenerated(Map<String, JsonNode> others) {
    if (!others.isEmpty() && source != Source.SYNTHETIC) {
      throw new InvalidInputException(
          "The loop '%s' takes real rows (data.source %s); leave out %s, which is for generated ones."
              .formatted(name, source.id(), String.join(", ", others.keySet())));
    }
    ObjectNode changed = data.deepCopy();
    others.forEach((input, value) -> changed.set(input, Steps.input(source.step, input, value)));
    return new LoopSettings(name, fileHash, bareIds, shards, attempts, source, changed, sections);
  }

  private static Source source(Path file, JsonNode data) {
    requireSettings(file, "data", data);
    JsonNode stated = data.path("source");
    List<String> choices = Stream.of(Source.values()).map(Source::id).toList();
    requireOne(file, "data.source", stated, choices);
    return stated.isMissingNode()
        ? Source.SYNTHETIC
        : Source.values()[choices.indexOf(stated.stringValue())];
  }

  /** Refuses settings of a source that the file does not use; they would have no effect. */
  private static ObjectNode data(Path file, Source source, JsonNode content) {
    Set<String> known = new TreeSet<>(Set.of("source"));
    for (Source any : Source.values()) {
      known.addAll(any.inputs.keySet());
    }
    requireKnown(file, "data.", content, known);
    for (Source other : Source.values()) {
      for (String setting : new TreeSet<>(other.inputs.keySet())) {
        if (content.has(setting) && !source.inputs.containsKey(setting)) {
          throw mistake(
              file,
              "data." + setting,
              "belongs to data.source %s, not to %s".formatted(other.id(), source.id()));
        }
      }
    }
    if (!source.needed.isEmpty() && content.path(source.needed).asString("").isEmpty()) {
      throw mistake(file, "data.source", "%s needs data.%s".formatted(source.id(), source.needed));
    }
    ObjectNode inputs = Json.MAPPER.createObjectNode();
    new TreeMap<>(source.inputs)
        .forEach(
            (setting, input) -> set(inputs, input, file, "data." + setting, source.step, content));
    return inputs;
  }

  private static List<Strategy> attempts(Path file, JsonNode given) {
    if (given.isMissingNode()) {
      return Strategy.PUBLISHED;
    }
    requireValue(file, ATTEMPTS, given);
    if (!given.isArray() || given.isEmpty() || given.size() > Strategy.MOST_ATTEMPTS) {
      throw mistake(
          file,
          ATTEMPTS,
          "must be a list of 1 to %d strategies, such as [%s], not %s"
              .formatted(
                  Strategy.MOST_ATTEMPTS,
                  Strategy.PUBLISHED.stream().map(Strategy::id).collect(Collectors.joining(", ")),
                  given));
    }
    List<Strategy> attempts = new ArrayList<>();
    for (JsonNode name : given) {
      if (name.asString("").equals("look_back")) {
        throw mistake(
            file,
            ATTEMPTS,
            "names look_back, which always comes before the attempts; leave it out");
      }
      requireOne(file, ATTEMPTS, name, STRATEGIES);
      Strategy strategy = Strategy.ofId(name.stringValue());
      if (attempts.contains(strategy)) {
        throw mistake(
            file, ATTEMPTS, "has %s twice; name each strategy once".formatted(strategy.id()));
      }
      attempts.add(strategy);
    }
    return List.copyOf(attempts);
  }

  private static ObjectNode sections(Path file, ObjectNode content, ObjectNode data, int attempts) {
    Set<String> known = new TreeSet<>(OTHERS);
    for (Section section : Section.values()) {
      known.add(section.id());
    }
    requireKnown(file, "", content, known);
    requireOne(file, "engine", content.path("engine"), List.of("fast", "pytorch"));
    JsonNode primary = content.path("primary");
    if (!primary.isMissingNode() && !primary.isBoolean()) {
      throw mistake(file, "primary", "must be true or false, not " + primary);
    }
    ObjectNode sections = Json.MAPPER.createObjectNode();
    for (Section section : Section.values()) {
      sections.set(section.id(), section(file, section, content.path(section.id())));
    }
    if (content.path(Section.LABELS.id()).has("path") && !data.has(KEY)) {
      throw mistake(file, "labels.path", "needs data.key, the column that names the rows");
    }
    limitAttempts(file, content.path(Section.GATE.id()), sections, attempts);
    return sections;
  }

  /** Makes all attempts of the list unless the gate says fewer. */
  private static void limitAttempts(Path file, JsonNode gate, ObjectNode sections, int attempts) {
    ObjectNode limited = (ObjectNode) sections.required(Section.GATE.id());
    if (!gate.has(MAX_ATTEMPTS)) {
      limited.put(MAX_ATTEMPTS, attempts);
    } else if (limited.required(MAX_ATTEMPTS).intValue() > attempts) {
      throw mistake(
          file,
          "gate.max_attempts",
          "must be from 1 to %d, the attempts, not %s"
              .formatted(attempts, limited.required(MAX_ATTEMPTS)));
    }
  }

  /** The number of shards, an input of every step that can be sharded. */
  private static int shards(Path file, ObjectNode content) {
    ObjectNode inputs = Json.MAPPER.createObjectNode();
    set(inputs, SHARDS, file, SHARDS, "evaluate_model", content);
    return inputs.required(SHARDS).intValue();
  }

  private static ObjectNode section(Path file, Section section, JsonNode content) {
    requireSettings(file, section.id(), content);
    requireKnown(file, section.id() + ".", content, new TreeSet<>(section.settings));
    ObjectNode values = Json.MAPPER.createObjectNode();
    for (String setting : section.settings) {
      set(
          values,
          section.input(setting),
          file,
          section.id() + "." + setting,
          section.step(setting),
          content);
    }
    return values;
  }

  /**
   * Sets a step's input if it has a value.
   *
   * @param where the setting, after its section and a dot
   */
  private static void set(
      ObjectNode inputs, String input, Path file, String where, String step, JsonNode content) {
    JsonNode given = content.path(where.substring(where.indexOf('.') + 1));
    requireValue(file, where, given);
    try {
      JsonNode value = Steps.input(step, input, given);
      if (!value.isMissingNode()) {
        inputs.set(input, value);
      }
    } catch (InvalidInputException mistake) {
      throw new InvalidInputException(
          "%s, %s: %s".formatted(file, where, mistake.getMessage()), mistake);
    }
  }

  private static Map<String, JsonNode> byName(JsonNode settings) {
    Map<String, JsonNode> values = new LinkedHashMap<>();
    settings.properties().forEach(value -> values.put(value.getKey(), value.getValue()));
    return values;
  }

  private static void requireValue(Path file, String where, JsonNode given) {
    if (given.isNull()) {
      throw mistake(file, where, "has no value; give one or leave it out");
    }
  }

  private static void requireSettings(Path file, String where, JsonNode content) {
    if (!content.isMissingNode() && !content.isObject()) {
      throw mistake(file, where, "must be settings such as {name: value}, not " + content);
    }
  }

  private static void requireKnown(Path file, String where, JsonNode content, Set<String> known) {
    for (String key : content.propertyNames()) {
      if (!known.contains(key)) {
        throw mistake(
            file, where + key, "is not a setting; the settings are " + String.join(", ", known));
      }
    }
  }

  private static void requireOne(Path file, String where, JsonNode value, List<String> choices) {
    if (!value.isMissingNode() && !(value.isString() && choices.contains(value.stringValue()))) {
      throw mistake(
          file, where, "must be one of %s, not %s".formatted(String.join(", ", choices), value));
    }
  }

  private static InvalidInputException mistake(Path file, String where, String what) {
    return new InvalidInputException("%s: %s %s.".formatted(file, where, what));
  }

  /** Reads a file and checks that it has a name. */
  private static ObjectNode read(Path file) {
    ObjectNode content = YamlFile.read(file);
    JsonNode name = content.path("name");
    if (!name.isString() || !NAME.matcher(name.stringValue()).matches()) {
      throw mistake(file, "name", "must be 1 to 63 lower-case letters, digits and hyphens");
    }
    return content;
  }

  private static boolean isOf(ObjectNode content, String name) {
    return content.required("name").stringValue().equals(name);
  }

  private static List<Path> files(List<Path> folders) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path folder : folders) {
      if (!Files.isDirectory(folder)) {
        throw new InvalidInputException(
            "There is no folder '%s' with loop files; name one that exists.".formatted(folder));
      }
      try (Stream<Path> inside = Files.list(folder)) {
        inside.filter(file -> file.toString().endsWith(".yaml")).forEach(files::add);
      }
    }
    return files;
  }
}
