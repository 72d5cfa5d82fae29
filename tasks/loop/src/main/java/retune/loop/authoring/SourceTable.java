package retune.loop.authoring;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Hashing;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.distribution.HeldBackTexts;
import retune.core.preprocessing.ColumnType;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.TableNotation;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.learning.training.TrainingTable;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvSurvey;
import retune.runtime.csv.CsvTables;
import retune.steps.authoring.LearnedTable;

/**
 * The table that a loop is made from, and what its columns are.
 *
 * @param hash SHA-256 of the file
 * @param classes rows by class of the target
 * @param notation how the file is written; null where it is written as Retune itself writes
 * @param heldBack texts that days are drawn from, which are not in the table; null without
 */
record SourceTable(
    Path file,
    String hash,
    Table table,
    Target target,
    SortedMap<String, Long> classes,
    ColumnKinds kinds,
    @Nullable TableNotation notation,
    @Nullable HeldBackTexts heldBack) {
  private static final Logger LOGGER = System.getLogger(SourceTable.class.getName());
  private static final double HELD_BACK_SHARE = 0.2;

  /** Makes what is held back independent of how the other rows are split. */
  private static final long HELD_BACK = 0x68656c646261636bL;

  /** A class of fewer rows holds none back. */
  private static final int LEAST_ROWS_TO_HOLD_BACK = 8;

  /** Reads the file; logs how it is written and what each column is. */
  static SourceTable read(NewLoop.Input input) throws IOException {
    Path file = Path.of(input.data());
    Map<String, ColumnType> stated = new LinkedHashMap<>(ColumnKinds.read(input.columns()));
    if (input.text() != null) {
      stated.put(input.text(), ColumnType.TEXT);
    }
    CsvOptions options = CsvOptions.stated(input.missing(), input.decimal(), input.dates(), stated);
    CsvSurvey survey = CsvTables.survey(file, options);
    LOGGER.log(Level.INFO, "''{0}'' has {1}", file, survey.description());
    Table table = limited(CsvTables.readAll(file, options, survey), input.rows());
    requireColumns(table, input);
    if (stated.containsValue(ColumnType.TEXT)) {
      table.without(Set.of(input.target())).names().stream()
          .filter(column -> stated.get(column) != ColumnType.TEXT)
          .forEach(column -> stated.put(column, ColumnType.EXCLUDED));
    }
    SortedMap<String, Long> classes = TrainingTable.classes(table.column(input.target()));
    LOGGER.log(Level.INFO, "Rows by class of ''{0}'': {1}.", input.target(), classes);
    Target target = target(classes, input);
    String hash = Hashing.sha256(Files.readAllBytes(file));
    HeldBackTexts heldBack = null;
    Optional<String> text =
        stated.entrySet().stream()
            .filter(column -> column.getValue() == ColumnType.TEXT)
            .map(Map.Entry::getKey)
            .findFirst();
    if (text.isPresent() && input.days() == null) {
      int[] held = heldBack(table, table.column(text.get()), target, input.seed());
      heldBack = HeldBackTexts.of(table.select(held), text.get(), target, hash);
      table = without(table, held);
      classes = TrainingTable.classes(table.column(input.target()));
    }
    ColumnKinds kinds = kinds(table, target, stated, survey.doubts(), input);
    return new SourceTable(file, hash, table, target, classes, kinds, survey.notation(), heldBack);
  }

  /**
   * The rows to hold back, of each class the same share. Equal texts are held back together or not
   * at all, whatever their labels. A class keeps all its rows if it has few, or if large groups of
   * equal texts would leave too few for training.
   */
  private static int[] heldBack(Table table, Column texts, Target target, int seed) {
    int[] labels = target.encode(table.column(target.column()));
    IntStream.range(0, labels.length)
        .filter(texts::isMissing)
        .forEach(row -> labels[row] = Target.UNLABELLED);
    long[] hashes = Hashing.rows(table, List.of(texts.name()));
    int[] drawn =
        Split.of(hashes, labels, HELD_BACK_SHARE, 0, Hashing.mix(seed ^ HELD_BACK))
            .rows(Part.HOLDOUT);
    int[] rows = new int[target.classes().size()];
    IntStream.of(labels).filter(label -> label != Target.UNLABELLED).forEach(l -> rows[l]++);
    int[] left = rows.clone();
    IntStream.of(drawn).forEach(row -> left[labels[row]]--);
    Set<Long> staying =
        IntStream.range(0, labels.length)
            .filter(
                row ->
                    labels[row] == Target.UNLABELLED
                        || rows[labels[row]] < LEAST_ROWS_TO_HOLD_BACK
                        || left[labels[row]] < TrainingTable.LEAST_ROWS_A_CLASS)
            .mapToObj(row -> hashes[row])
            .collect(Collectors.toSet());
    int[] held = IntStream.of(drawn).filter(row -> !staying.contains(hashes[row])).toArray();
    if (held.length == 0) {
      throw new InvalidInputException(
          "No class of '%s' can spare rows to draw days from: it needs at least %d rows with a text, and must keep %d, while equal texts are held back together or not at all. Bring more rows, or give the path of each day's rows with --days, for example --days '/data/{date}.csv'."
              .formatted(
                  target.column(), LEAST_ROWS_TO_HOLD_BACK, TrainingTable.LEAST_ROWS_A_CLASS));
    }
    LOGGER.log(
        Level.INFO,
        "{0} of {1} rows are held back, to draw days from; the first training does not see them.",
        Integer.toString(held.length),
        Integer.toString(table.rows()));
    return held;
  }

  private static Table without(Table table, int[] rows) {
    BitSet left = new BitSet(table.rows());
    left.set(0, table.rows());
    IntStream.of(rows).forEach(left::clear);
    return table.select(left.stream().toArray());
  }

  /** The file's name, rows and hash, for people. */
  String description() {
    return "%s (%s rows, SHA-256 %s)"
        .formatted(file.getFileName(), table.rows(), hash.substring(0, 12));
  }

  /** Whether the model reads a column of texts. */
  boolean isText() {
    return !kinds.names(ColumnType.TEXT).isEmpty();
  }

  /** What preprocessing is told beside its own rules. */
  FitOptions fitOptions() {
    return kinds.fitOptions().withNotation(notation);
  }

  /**
   * Learns the distribution of the columns that the model reads, and of no others: an identifier
   * must not come back in generated rows.
   */
  LearnedTable learnDistribution(int seed) {
    Set<String> left = new HashSet<>(table.names());
    left.removeAll(kinds.features());
    left.remove(target.column());
    Set<String> categorical = new HashSet<>(kinds.names(ColumnType.CATEGORICAL));
    categorical.add(target.column());
    return LearnedTable.of(table.without(left), target, categorical, hash, seed);
  }

  private static Table limited(Table table, @Nullable Integer most) {
    if (most == null || most >= table.rows()) {
      return table;
    }
    LOGGER.log(
        Level.INFO,
        "{0} of {1} rows are used, as asked.",
        most.toString(),
        Integer.toString(table.rows()));
    return table.select(
        IntStream.range(0, most).map(i -> (int) ((long) i * table.rows() / most)).toArray());
  }

  private static void requireColumns(Table table, NewLoop.Input input) {
    if (table.columns().size() == 1) {
      throw new InvalidInputException(
          "'%s' has one column only, '%s'; separate columns by comma, semicolon, tab or |."
              .formatted(input.data(), table.names().getFirst()));
    }
    table.column(input.target());
    if (input.text() != null) {
      table.column(input.text());
    }
    if (input.target().equals(input.text())) {
      throw new InvalidInputException(
          "'%s' is the target and cannot be the text, too.".formatted(input.target()));
    }
    List<String> excluded = Objects.requireNonNullElse(input.exclude(), List.of());
    excluded.forEach(table::column);
    if (excluded.contains(input.target())) {
      throw new InvalidInputException(
          "'%s' is the target and cannot be excluded.".formatted(input.target()));
    }
  }

  private static Target target(SortedMap<String, Long> classes, NewLoop.Input input) {
    String positive = input.positive();
    if (positive == null && classes.size() == 2) {
      // Of two equally frequent classes the later one, as 1 is beside 0.
      positive =
          Collections.min(classes.reversed().entrySet(), Map.Entry.<String, Long>comparingByValue())
              .getKey();
      LOGGER.log(
          Level.INFO,
          "The positive class of ''{0}'' is ''{1}'', the rarer one; --positive changes it.",
          input.target(),
          positive);
    }
    return new Target(input.target(), List.copyOf(classes.keySet()), positive);
  }

  private static ColumnKinds kinds(
      Table table,
      Target target,
      Map<String, ColumnType> stated,
      Map<String, String> doubts,
      NewLoop.Input input) {
    ColumnKinds.requireColumns(stated, table.without(Set.of(target.column())).names(), input);
    List<String> excluded = new ArrayList<>(Objects.requireNonNullElse(input.exclude(), List.of()));
    stated.forEach(
        (column, type) -> {
          if (type == ColumnType.EXCLUDED && !excluded.contains(column)) {
            excluded.add(column);
          }
        });
    List<String> marks =
        LabelMarks.among(table.without(Set.of(target.column())).names()).stream()
            .filter(column -> !excluded.contains(column) && !stated.containsKey(column))
            .toList();
    List<String> left = Stream.concat(excluded.stream(), marks.stream()).toList();
    Table trainingRows = TrainingTable.trainingRows(table, target, left, input.seed());
    ColumnKinds kinds = ColumnKinds.of(table, trainingRows, excluded, marks, stated, doubts);
    kinds
        .kinds()
        .forEach(
            (column, kind) ->
                LOGGER.log(
                    Level.INFO,
                    "''{0}'' is {1}: {2}.",
                    column,
                    ColumnKinds.id(kind.type()),
                    kind.reason()));
    kinds.doubts().values().forEach(doubt -> LOGGER.log(Level.WARNING, doubt));
    if (!kinds.leftOut().isEmpty()) {
      LOGGER.log(
          Level.WARNING,
          "The model does not use {0} of {1} columns: {2}.",
          Integer.toString(kinds.leftOut().size()),
          Integer.toString(kinds.kinds().size()),
          kinds.leftOut().entrySet().stream()
              .map(entry -> "'%s' (%s)".formatted(entry.getKey(), entry.getValue()))
              .collect(Collectors.joining("; ")));
    }
    return kinds;
  }
}
