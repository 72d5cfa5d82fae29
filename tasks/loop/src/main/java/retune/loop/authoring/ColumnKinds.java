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
 * What each column of a table is taken as and why, as people read and change it: a YAML file with a
 * kind a column.
 *
 * @param kinds in the table's order, without the target
 */
record ColumnKinds(Map<String, Kind> kinds) {
  private static final YAMLMapper YAML =
      YAMLMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /**
   * One column's kind.
   *
   * @param overridden whether the user said so against the rules
   * @param missing share of the table's rows without a value, 0 … 1
   */
  record Kind(ColumnType type, String reason, boolean overridden, double missing) {
    /** Whether the model reads the column. */
    boolean isFeature() {
      return switch (type) {
        case CATEGORICAL, NUMERIC, DATE -> true;
        case IDENTIFIER, CONSTANT, EXCLUDED -> false;
      };
    }
  }

  /**
   * Takes the kinds from the training rows, but for what the user states.
   *
   * @param table all rows
   * @param trainingRows the columns but for the target
   * @param stated by column; a column that is not there is an {@link InvalidInputException}
   */
  static ColumnKinds of(
      Table table, Table trainingRows, List<String> excluded, Map<String, ColumnType> stated) {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    for (Column column : trainingRows.columns()) {
      Detected detected =
          excluded.contains(column.name())
              ? new Detected(ColumnType.EXCLUDED, "left out by the caller")
              : TypeDetection.detect(column);
      ColumnType type = stated.getOrDefault(column.name(), detected.type());
      boolean overridden = type != detected.type();
      kinds.put(
          column.name(),
          new Kind(
              type,
              overridden
                  ? "stated by the caller; it looks "
                      + id(detected.type())
                      + ": "
                      + detected.reason()
                  : detected.reason(),
              overridden,
              missing(table.column(column.name()))));
    }
    return new ColumnKinds(kinds);
  }

  /** What preprocessing has to be told: only what its own rules would not say. */
  FitOptions fitOptions() {
    return new FitOptions(
        names(ColumnType.EXCLUDED),
        overridden(ColumnType.CATEGORICAL),
        overridden(ColumnType.NUMERIC),
        overridden(ColumnType.DATE),
        overridden(ColumnType.IDENTIFIER));
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
    yaml.append("# What new_loop takes the columns of ").append(YamlText.comment(source));
    yaml.append(" as, and why.\n");
    yaml.append("# Change a kind (numeric, categorical, date, identifier, excluded), then give\n");
    yaml.append("# this file back: new_loop … --columns THIS_FILE --replace\n");
    yaml.append("columns:\n");
    kinds.forEach(
        (name, kind) ->
            yaml.append("  # ")
                .append(YamlText.comment(kind.reason()))
                .append(String.format(Locale.ROOT, "; %.1f %% missing%n", 100 * kind.missing()))
                .append("  ")
                .append(YamlText.quoted(name))
                .append(": ")
                .append(id(kind.type()))
                .append('\n'));
    return yaml.toString();
  }

  /**
   * Reads what a user states.
   *
   * @param file null states nothing
   * @param columns that the table has, without the target
   */
  static Map<String, ColumnType> read(@Nullable Path file, List<String> columns)
      throws IOException {
    if (file == null) {
      return Map.of();
    }
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException("There is no file '" + file + "' to read columns from.");
    }
    Content content;
    try {
      content = YAML.readValue(Files.readString(file), Content.class);
    } catch (JacksonException e) {
      throw new InvalidInputException(
          "'%s' cannot be read as columns with their kinds, near line %d: %s."
              .formatted(
                  file,
                  e.getLocation() == null ? 1 : e.getLocation().getLineNr(),
                  e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    }
    Map<String, ColumnType> stated = new LinkedHashMap<>();
    content.columns.forEach(
        (column, kind) -> {
          if (!columns.contains(column)) {
            throw new InvalidInputException(
                "'%s' states the kind of '%s', but the table has no such column; its columns are %s."
                    .formatted(file, column, columns));
          }
          ColumnType type = type(file, column, kind);
          if (type != ColumnType.CONSTANT) { // which the rules see for themselves
            stated.put(column, type);
          }
        });
    return stated;
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
        "'%s' says that '%s' is %s, which is no kind of column; there are %s."
            .formatted(file, column, kind, String.join(", ", kinds)));
  }

  static String id(ColumnType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  private record Content(Map<String, @Nullable String> columns) {}
}
