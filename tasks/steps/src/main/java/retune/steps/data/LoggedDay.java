package retune.steps.data;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
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
import java.util.stream.Stream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;

/**
 * A day of the query log as raw rows: the columns that the version in production reads, each row's
 * key, and on request the answers as labels that a model gave. Reads the log twice, one block at a
 * time.
 */
final class LoggedDay {
  private static final int SHOWN = 5;

  /** The rows of a block that are taken. */
  private record Part(Object id, int[] rows) {}

  /** Why rows are named. */
  enum Reason {
    /** They repeat the key of an earlier row, and are not taken. */
    DUPLICATES,
    /** No writer of the log writes such rows. They are not taken. */
    MALFORMED,
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

  private final StepContext context;
  private final MongoCollection<Document> log;
  private final String model;
  private final ModelVersion champion;
  private final String key;
  private final @Nullable Double ownLabels;
  private final Map<String, Boolean> numeric = new TreeMap<>();
  private final List<Part> parts = new ArrayList<>();
  private final Map<String, Boolean> known = new TreeMap<>();
  private final Map<Reason, Named> named = new EnumMap<>(Reason.class);
  private int queries;
  private int rows;
  private int answersTaken;

  private LoggedDay(
      StepContext context, ModelVersion champion, String key, @Nullable Double ownLabels) {
    this.context = context;
    this.log = context.store().collection(LoggedBlock.COLLECTION);
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
    List<Object> ids = ids(date);
    Set<String> keys = new HashSet<>();
    for (Object id : ids) {
      Document document = find(id);
      Optional<LoggedBlock> block = LoggedBlock.of(document);
      if (block.isEmpty()) {
        int lost = document.get("rows") instanceof Number number ? number.intValue() : 1;
        queries += lost;
        name(Reason.MALFORMED, "block " + id, lost);
      } else {
        survey(block.get(), date, keys);
      }
    }
    if (queries == 0) {
      throw new NotReadyException(
          "The query log has no query of '%s' on %s.".formatted(model, date));
    }
    if (rows == 0) {
      throw new InvalidInputException(
          "None of the %d logged queries of '%s' on %s has the shape of a query, such as %s; remove them from %s, or let another source give the day's rows."
              .formatted(queries, model, date, examples(), LoggedBlock.COLLECTION));
    }
  }

  private void survey(LoggedBlock block, LocalDate date, Set<String> keys) {
    requireColumns(block, date);
    int[] taken = new int[block.rows()];
    int count = 0;
    for (int row = 0; row < block.rows(); row++) {
      queries++;
      Optional<String> key = block.key(row);
      if (key.isEmpty() || !block.isPlain(row, numeric.keySet())) {
        name(Reason.MALFORMED, key.orElse("row %d of block %s".formatted(row, block.id())), 1);
      } else if (!keys.add(key.get())) {
        name(Reason.DUPLICATES, key.get(), 1);
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

  private void survey(LoggedBlock block, int row) {
    for (Map.Entry<String, Boolean> column : numeric.entrySet()) {
      Object value = block.value(column.getKey(), row);
      column.setValue(column.getValue() && (value == null || value instanceof Number));
    }
    if (!isKnown(block.modelIds().get(row))) {
      name(Reason.UNKNOWN_VERSIONS, String.valueOf(block.modelIds().get(row)), 1);
    } else if (isLabel(block, row)) {
      answersTaken++;
    }
  }

  /** Blocks in the order of their beginning, so that rows that come later come last. */
  private List<Object> ids(LocalDate date) {
    Bson ofDay = Filters.and(Filters.eq("model_name", model), Filters.eq("date", date.toString()));
    return log
        .find(ofDay)
        .projection(Projections.include("started_at"))
        .into(new ArrayList<>())
        .stream()
        .sorted(
            Comparator.comparing((Document block) -> String.valueOf(block.get("started_at")))
                .thenComparing(block -> String.valueOf(block.get("_id"))))
        .map(block -> block.get("_id"))
        .toList();
  }

  private Document find(Object id) {
    Document found = log.find(Filters.eq(id)).first();
    if (found == null) {
      throw new NotReadyException(
          "The block '%s' of the query log was removed meanwhile; try again.".formatted(id));
    }
    return found;
  }

  private LoggedBlock read(Object id) {
    return LoggedBlock.of(find(id)).orElseThrow(() -> new IllegalStateException("block " + id));
  }

  private void requireColumns(LoggedBlock block, LocalDate date) {
    List<String> lacking =
        numeric.keySet().stream().filter(name -> !block.columns().containsKey(name)).toList();
    if (!lacking.isEmpty()) {
      throw new InvalidInputException(
          "The query log of '%s' on %s lacks %s, which '%s' reads (block %s): --query-log-columns of the service leaves them out, or an older version answered that does not read them. Log every column that the model reads, or let another source give the day's rows."
              .formatted(model, date, lacking, champion.modelId(), block.id()));
    }
  }

  private boolean isKnown(@Nullable Object modelId) {
    return modelId instanceof String id
        && known.computeIfAbsent(
            id,
            _ ->
                new ModelStore(context)
                    .find(id)
                    .filter(version -> version.modelName().equals(model))
                    .isPresent());
  }

  /** Whether the answer becomes the row's label. */
  private boolean isLabel(LoggedBlock block, int row) {
    double confidence = LoggedBlock.number(block.confidences().get(row));
    return ownLabels != null
        && confidence >= ownLabels
        && confidence <= 1
        && isKnown(block.modelIds().get(row))
        && champion.target().classes().contains(String.valueOf(block.predicted().get(row)));
  }

  private Table table(LoggedBlock block, int[] taken) {
    List<Column> columns = new ArrayList<>();
    numeric.forEach(
        (name, isNumeric) ->
            columns.add(
                isNumeric
                    ? numbers(name, taken, row -> block.value(name, row))
                    : texts(name, taken, row -> LoggedBlock.text(block.value(name, row)))));
    columns.add(texts(key, taken, row -> block.key(row).orElseThrow()));
    if (ownLabels != null) {
      Target target = champion.target();
      columns.add(texts(target.column(), taken, row -> ofLabel(block, row, block.predicted())));
      columns.add(texts(LabelMarks.SOURCE, taken, row -> ofLabel(block, row, block.modelIds())));
      columns.add(
          numbers(
              LabelMarks.CONFIDENCE,
              taken,
              row -> isLabel(block, row) ? block.confidences().get(row) : null));
    }
    return new Table(columns);
  }

  private @Nullable String ofLabel(LoggedBlock block, int row, List<Object> values) {
    return isLabel(block, row) ? LoggedBlock.text(values.get(row)) : null;
  }

  /** What a row has in a column. */
  private interface Cell<T> {
    @Nullable T of(int row);
  }

  private static Column numbers(String name, int[] rows, Cell<Object> cell) {
    return new Column.Numbers(
        name, Arrays.stream(rows).mapToDouble(row -> LoggedBlock.number(cell.of(row))).toArray());
  }

  private static Column texts(String name, int[] rows, Cell<String> cell) {
    @Nullable String[] values = new @Nullable String[rows.length];
    for (int i = 0; i < rows.length; i++) {
      values[i] = cell.of(rows[i]);
    }
    return new Column.Texts(name, values);
  }
}
