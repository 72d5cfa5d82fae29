package retune.steps.data;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.store.QueryBlock;
import retune.runtime.store.QueryLogs;

/**
 * A day of the query log as raw rows: the columns that the version in production reads, each row's
 * key, and on request the answers as labels that a model gave. Reads the log twice, one block at a
 * time.
 */
final class LoggedDay {
  private static final int SHOWN = 5;

  /** The rows of a block that are taken. */
  private record Part(String id, int[] rows) {}

  /** Why rows are named. */
  enum Reason {
    /** They repeat the key of an earlier row, and are not taken. */
    DUPLICATES,
    /** No writer of the log writes such rows. They are not taken. */
    MALFORMED,
    /** A version answered that reads other columns than the one in production. Not taken. */
    OTHER_COLUMNS,
    /** A version answered that the store does not have. Their answers are no labels. */
    UNKNOWN_VERSIONS;

    String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** How many rows, and the first few names. */
  record Named(int rows, List<String> first) {
    private static final Named NONE = new Named(0, List.of());

    private Named and(String name, int more) {
      boolean isShown = first.size() < SHOWN && !first.contains(name);
      return new Named(
          rows + more, isShown ? Stream.concat(first.stream(), Stream.of(name)).toList() : first);
    }
  }

  private final QueryLogs log;
  private final ModelStore versions;
  private final String model;
  private final ModelVersion champion;
  private final String key;
  private final @Nullable Double ownLabels;
  private final Map<String, Boolean> numeric = new TreeMap<>();
  private final List<Part> parts = new ArrayList<>();
  private final Map<String, Optional<ModelVersion>> known = new TreeMap<>();
  private final Map<Reason, Named> named = new EnumMap<>(Reason.class);
  private int queries;
  private int rows;
  private int answersTaken;

  private LoggedDay(
      StepContext context, ModelVersion champion, String key, @Nullable Double ownLabels) {
    this.log = context.store().queryLogs();
    this.versions = new ModelStore(context);
    this.model = champion.modelName();
    this.champion = champion;
    this.key = key;
    this.ownLabels = ownLabels;
    champion.preprocessing().rawColumns().forEach(column -> numeric.put(column, true));
  }

  /**
   * Surveys a day.
   *
   * @param key the name that the column of keys gets
   * @param ownLabels least confidence with which an answer becomes a label; null for never
   * @throws NotReadyException if the log has no row of that day
   */
  static LoggedDay of(
      StepContext context,
      ModelVersion champion,
      LocalDate date,
      String key,
      @Nullable Double ownLabels) {
    LoggedDay day = new LoggedDay(context, champion, key, ownLabels);
    day.survey(date);
    return day;
  }

  /** Number of rows in the log. */
  int queries() {
    return queries;
  }

  /** Number of rows that are taken. */
  int rows() {
    return rows;
  }

  /** Number of rows whose label is the answer. */
  int answersTaken() {
    return answersTaken;
  }

  /** Rows to name, by reason; {@link Named#rows} is 0 where there are none. */
  Named named(Reason reason) {
    return named.getOrDefault(reason, Named.NONE);
  }

  /** The first few names, by reason. */
  Map<String, List<String>> examples() {
    Map<String, List<String>> examples = new LinkedHashMap<>();
    named.forEach((reason, rows) -> examples.put(reason.id(), rows.first));
    return examples;
  }

  /** The rows in tables of up to a block, read lazily. */
  Iterator<Table> tables() {
    return parts.stream().map(part -> table(read(part.id), part.rows)).iterator();
  }

  private void name(Reason reason, String name, int rows) {
    named.put(reason, named(reason).and(name, rows));
  }

  private void survey(LocalDate date) {
    Set<String> keys = new HashSet<>();
    for (String id : log.ids(model, date)) {
      Optional<QueryBlock> block = log.find(id);
      if (block.isPresent()) {
        survey(block.get(), date, keys);
      } else {
        queries++;
        name(Reason.MALFORMED, "block " + id, 1);
      }
    }
    if (queries == 0) {
      throw new NotReadyException(
          "The query log has no query of '%s' on %s.".formatted(model, date));
    }
    if (rows == 0) {
      throw new InvalidInputException(
          "None of the %d logged queries of '%s' on %s can be taken.%s Let another source give the day's rows."
              .formatted(queries, model, date, sentences()));
    }
  }

  /** What was named, each reason as a sentence after a blank. */
  String sentences() {
    return named.entrySet().stream()
        .map(
            entry ->
                " %s: %d, such as %s."
                    .formatted(
                        words(entry.getKey()),
                        entry.getValue().rows,
                        String.join(", ", entry.getValue().first)))
        .collect(Collectors.joining());
  }

  private static String words(Reason reason) {
    return switch (reason) {
      case DUPLICATES -> "Left out as duplicates";
      case MALFORMED -> "Left out as malformed";
      case OTHER_COLUMNS -> "Left out because the version that answered reads other columns";
      case UNKNOWN_VERSIONS -> "Answered by unknown versions";
    };
  }

  private void survey(QueryBlock block, LocalDate date, Set<String> keys) {
    List<String> lacking =
        numeric.keySet().stream().filter(name -> !block.columns().containsKey(name)).toList();
    if (!lacking.isEmpty() && isOfOtherColumns(block, lacking)) {
      queries += block.rows().size();
      block.rows().forEach(query -> name(Reason.OTHER_COLUMNS, query.modelId(), 1));
      return;
    }
    requireColumns(block, lacking, date);
    int[] taken = new int[block.rows().size()];
    int count = 0;
    for (int row = 0; row < taken.length; row++) {
      queries++;
      String key = block.rows().get(row).key();
      if (key.startsWith("/")) {
        name(Reason.MALFORMED, "row %d of block %s".formatted(row, block.id()), 1);
      } else if (!isPlain(block, row)) {
        name(Reason.MALFORMED, key, 1);
      } else if (!keys.add(key)) {
        name(Reason.DUPLICATES, key, 1);
      } else {
        taken[count++] = row;
        survey(block, row);
      }
    }
    if (count > 0) {
      parts.add(new Part(block.id(), Arrays.copyOf(taken, count)));
      rows += count;
    }
  }

  private void survey(QueryBlock block, int row) {
    for (Map.Entry<String, Boolean> column : numeric.entrySet()) {
      Object value = value(block, column.getKey(), row);
      column.setValue(column.getValue() && (value == null || value instanceof Number));
    }
    QueryBlock.Row query = block.rows().get(row);
    if (find(query.modelId()).isEmpty()) {
      name(Reason.UNKNOWN_VERSIONS, query.modelId(), 1);
    } else if (isLabel(query)) {
      answersTaken++;
    }
  }

  /** Whether each column that the model reads has a number, a text or nothing in the row. */
  private boolean isPlain(QueryBlock block, int row) {
    return numeric.keySet().stream()
        .map(name -> value(block, name, row))
        .allMatch(
            value ->
                switch (value) {
                  case null -> true;
                  case Number number -> !Double.isInfinite(number.doubleValue());
                  case String _ -> true;
                  default -> false;
                });
  }

  private static @Nullable Object value(QueryBlock block, String column, int row) {
    return block.columns().getOrDefault(column, List.of()).get(row);
  }

  private QueryBlock read(String id) {
    return log.find(id)
        .orElseThrow(
            () ->
                new NotReadyException(
                    "The block '%s' of the query log was removed meanwhile; try again."
                        .formatted(id)));
  }

  /** Whether no version that answered reads the columns. */
  private boolean isOfOtherColumns(QueryBlock block, List<String> columns) {
    return block.rows().stream()
        .map(QueryBlock.Row::modelId)
        .distinct()
        .map(this::find)
        .allMatch(
            version ->
                version.isPresent()
                    && Collections.disjoint(version.get().preprocessing().rawColumns(), columns));
  }

  private void requireColumns(QueryBlock block, List<String> lacking, LocalDate date) {
    if (!lacking.isEmpty()) {
      throw new InvalidInputException(
          "The query log of '%s' on %s lacks %s, which '%s' reads (block %s). Log every column that the model reads (--query-log-columns of the service), or let another source give the day's rows."
              .formatted(model, date, lacking, champion.modelId(), block.id()));
    }
    List<String> hashed = numeric.keySet().stream().filter(block.hashed()::contains).toList();
    if (!hashed.isEmpty()) {
      throw new InvalidInputException(
          "The query log of '%s' on %s has hashes in %s, which '%s' reads (block %s), and a model cannot learn from hashes. Take the columns out of --query-log-hash of the service, or let another source give the day's rows."
              .formatted(model, date, hashed, champion.modelId(), block.id()));
    }
  }

  private Optional<ModelVersion> find(String modelId) {
    return known.computeIfAbsent(
        modelId, _ -> versions.find(modelId).filter(version -> version.modelName().equals(model)));
  }

  /** Whether the answer becomes the row's label. One of a challenger does not: it is on trial. */
  private boolean isLabel(QueryBlock.Row query) {
    boolean isOfChallenger =
        query.challenger() != null && query.challenger().modelId().equals(query.modelId());
    return ownLabels != null
        && query.confidence() >= ownLabels
        && query.confidence() <= 1
        && !isOfChallenger
        && find(query.modelId()).isPresent()
        && champion.target().classes().contains(query.predicted());
  }

  private Table table(QueryBlock block, int[] taken) {
    List<QueryBlock.Row> queries = IntStream.of(taken).mapToObj(block.rows()::get).toList();
    List<Column> columns = new ArrayList<>();
    numeric.forEach((name, isNumeric) -> columns.add(column(block, name, isNumeric, taken)));
    columns.add(texts(key, queries, QueryBlock.Row::key));
    if (ownLabels != null) {
      columns.add(texts(champion.target().column(), queries, ifLabel(QueryBlock.Row::predicted)));
      columns.add(texts(LabelMarks.SOURCE, queries, ifLabel(QueryBlock.Row::modelId)));
      columns.add(
          new Column.Numbers(
              LabelMarks.CONFIDENCE,
              queries.stream()
                  .mapToDouble(query -> isLabel(query) ? query.confidence() : Double.NaN)
                  .toArray()));
    }
    return new Table(columns);
  }

  private static Column column(QueryBlock block, String name, boolean isNumeric, int[] taken) {
    Column logged = QueryBlock.column(name, block.columns().getOrDefault(name, List.of()));
    if (isNumeric) {
      return logged.select(taken);
    }
    @Nullable String[] texts = new @Nullable String[taken.length];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = logged.text(taken[i]);
    }
    return new Column.Texts(name, texts);
  }

  private Function<QueryBlock.Row, @Nullable String> ifLabel(
      Function<QueryBlock.Row, String> value) {
    return query -> isLabel(query) ? value.apply(query) : null;
  }

  private static Column texts(
      String name, List<QueryBlock.Row> queries, Function<QueryBlock.Row, @Nullable String> value) {
    @Nullable String[] texts = new @Nullable String[queries.size()];
    for (int i = 0; i < texts.length; i++) {
      texts[i] = value.apply(queries.get(i));
    }
    return new Column.Texts(name, texts);
  }
}
