package retune.loop.authoring;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.preprocessing.ColumnType;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.TypeDetection;
import retune.core.preprocessing.TypeDetection.Detected;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * The kind of each column of a table and the reason, as people read and change it: a YAML file with
 * a line for each column.
 *
 * @param kinds in the table's order, without the target
 */
record ColumnKinds(Map<String, Kind> kinds) {
  private static final String AS_ASKED = "as asked";

  private static final YAMLMapper YAML =
      YAMLMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /**
   * One column's kind.
   *
   * @param overridden whether the user stated a kind that the rules would not choose
   * @param missing share of the table's rows without a value, 0 … 1
   * @param doubt what to look at, in a sentence; null where all is clear
   */
  record Kind(
      ColumnType type, String reason, boolean overridden, double missing, @Nullable String doubt) {
    /** Whether the model reads the column. */
    boolean isFeature() {
      return switch (type) {
        case CATEGORICAL, NUMERIC, DATE, TEXT -> true;
        case IDENTIFIER, CONSTANT, EXCLUDED -> false;
      };
    }
  }

  /**
   * Detects the kinds from the training rows, unless the user states them.
   *
   * @param table all rows
   * @param trainingRows without the target
   * @param excluded columns that the user excludes
   * @param marks columns that say where the labels come from
   * @param stated kinds by column
   * @param doubts by column, what reading the file left in doubt
   */
  static ColumnKinds of(
      Table table,
      Table trainingRows,
      List<String> excluded,
      List<String> marks,
      Map<String, ColumnType> stated,
      Map<String, String> doubts) {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    for (Column column : trainingRows.columns()) {
      Detected detected = detected(column, excluded, marks);
      ColumnType type = stated.getOrDefault(column.name(), detected.type());
      boolean overridden = type != detected.type();
      kinds.put(
          column.name(),
          new Kind(
              type,
              overridden
                  ? "as stated; it looks " + id(detected.type()) + ": " + detected.reason()
                  : detected.reason(),
              overridden,
              missing(table.column(column.name())),
              type == ColumnType.EXCLUDED ? null : doubts.get(column.name())));
    }
    return new ColumnKinds(kinds);
  }

  private static Detected detected(Column column, List<String> excluded, List<String> marks) {
    if (excluded.contains(column.name())) {
      return new Detected(ColumnType.EXCLUDED, AS_ASKED);
    }
    return marks.contains(column.name())
        ? new Detected(ColumnType.EXCLUDED, "it says who gave the label")
        : TypeDetection.detect(column);
  }

  /** The columns that the model does not use though nobody excluded them, with the reason. */
  Map<String, String> leftOut() {
    Map<String, String> left = new LinkedHashMap<>();
    kinds.forEach(
        (column, kind) -> {
          if (!kind.isFeature() && !kind.reason().equals(AS_ASKED)) {
            left.put(column, id(kind.type()) + ": " + kind.reason());
          }
        });
    return left;
  }

  /** What to look at, by column. */
  Map<String, String> doubts() {
    Map<String, String> doubts = new LinkedHashMap<>();
    kinds.forEach(
        (column, kind) -> {
          if (kind.doubt() != null) {
            doubts.put(column, kind.doubt());
          }
        });
    return doubts;
  }

  /** What preprocessing must be told: only what its own rules would not find. */
  FitOptions fitOptions() {
    return new FitOptions(
            names(ColumnType.EXCLUDED),
            overridden(ColumnType.CATEGORICAL),
            overridden(ColumnType.NUMERIC),
            overridden(ColumnType.DATE),
            overridden(ColumnType.IDENTIFIER))
        .withTexts(names(ColumnType.TEXT));
  }

  /** The columns that the model reads. */
  List<String> features() {
    return names(Kind::isFeature);
  }

  List<String> names(ColumnType type) {
    return names(kind -> kind.type() == type);
  }

  private List<String> overridden(ColumnType type) {
    return names(kind -> kind.type() == type && kind.overridden());
  }

  private List<String> names(Predicate<Kind> wanted) {
    return kinds.entrySet().stream()
        .filter(entry -> wanted.test(entry.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }

  private static double missing(Column column) {
    long missing = IntStream.range(0, column.rows()).filter(column::isMissing).count();
    return (double) missing / column.rows();
  }

  /**
   * The file's text.
   *
   * @param source where the columns come from, for people
   */
  String toYaml(String source) {
    StringBuilder yaml = new StringBuilder();
    yaml.append("# The kind of each column of ").append(YamlText.comment(source));
    yaml.append(", and the reason.\n");
    yaml.append("# Change a kind (numeric, categorical, date, text, identifier, excluded) and\n");
    yaml.append("# run new_loop again with the same flags and --columns THIS_FILE --replace.\n");
    yaml.append("columns:\n");
    kinds.forEach((name, kind) -> yaml.append(lines(name, kind)));
    return yaml.toString();
  }

  private static String lines(String name, Kind kind) {
    return YamlText.comments(
            "  ",
            kind.reason() + String.format(Locale.ROOT, "; %.1f %% missing", 100 * kind.missing()))
        + (kind.doubt() == null ? "" : YamlText.comments("  ", kind.doubt()))
        + "  "
        + YamlText.quoted(name)
        + ": "
        + id(kind.type())
        + "\n";
  }

  /**
   * Reads the kinds that a user states.
   *
   * @param name the file; null states nothing
   */
  static Map<String, ColumnType> read(@Nullable String name) throws IOException {
    if (name == null) {
      return Map.of();
    }
    Path file = Path.of(name);
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException("There is no file '%s' with columns.".formatted(file));
    }
    Content content;
    try {
      content = YAML.readValue(Files.readString(file), Content.class);
    } catch (JacksonException e) {
      throw new InvalidInputException(
          "'%s', line %s, is not a list of columns with their kinds: %s."
              .formatted(
                  file,
                  e.getLocation() == null ? 1 : e.getLocation().getLineNr(),
                  e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    }
    Map<String, ColumnType> stated = new LinkedHashMap<>();
    content.columns.forEach(
        (column, kind) -> {
          ColumnType type = type(file, column, kind);
          if (type != ColumnType.CONSTANT) { // which the rules find by themselves
            stated.put(column, type);
          }
        });
    return stated;
  }

  /**
   * Refuses kinds of columns that the table does not have.
   *
   * @param columns the table's, without the target
   */
  static void requireColumns(
      Map<String, ColumnType> stated, List<String> columns, NewLoop.Input input) {
    for (String column : stated.keySet()) {
      if (!columns.contains(column)) {
        throw new InvalidInputException(
            "'%s' states the kind of '%s', but the table has no such column; its columns are %s."
                .formatted(input.columns(), column, columns));
      }
    }
  }

  private static ColumnType type(Path file, String column, @Nullable String kind) {
    for (ColumnType type : ColumnType.values()) {
      if (id(type).equals(kind)) {
        return type;
      }
    }
    Set<String> kinds = new TreeSet<>();
    for (ColumnType type : ColumnType.values()) {
      kinds.add(id(type));
    }
    throw new InvalidInputException(
        "'%s' says that '%s' is %s, which is not a kind of column; the kinds are %s."
            .formatted(file, column, kind, String.join(", ", kinds)));
  }

  static String id(ColumnType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  private record Content(Map<String, @Nullable String> columns) {}
}
