package retune.steps.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.runtime.StepContext;
import retune.runtime.csv.CsvChunks;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvSurvey;
import retune.runtime.csv.CsvTables;

/**
 * The labels of a file by key. A file is refused where a row has no key; a label that is no class,
 * or a key with two labels, is left out and counted.
 *
 * @param contentHash of the file and of how it is read
 * @param rows number of rows
 * @param byKey the labels to take, in the order of the file
 * @param empty number of rows without a label
 */
record LabelFile(
    String contentHash,
    int rows,
    Map<String, String> byKey,
    int empty,
    Doubtful unknownClasses,
    Doubtful contradicting) {
  private static final int SHOWN = 5;

  /** Keys or values that are left out: how many, and the first few. */
  record Doubtful(int count, List<String> first) {
    static Doubtful of(Iterable<String> all) {
      List<String> first = new ArrayList<>();
      int count = 0;
      for (String one : all) {
        if (count++ < SHOWN) {
          first.add(one);
        }
      }
      return new Doubtful(count, first);
    }
  }

  /** Reads a file. */
  static LabelFile read(
      DayFile file,
      String fileHash,
      String key,
      String label,
      Target target,
      CsvOptions options,
      StepContext context) {
    CsvSurvey survey = CsvTables.survey(file.path(), options);
    for (String column : List.of(key, label)) {
      if (!survey.columns().contains(column)) {
        throw new InvalidInputException(
            "'%s' has no column '%s'; its columns are %s. Name the columns with 'key' and 'label'."
                .formatted(file.path(), column, survey.columns()));
      }
    }
    Map<String, String> byKey = new LinkedHashMap<>();
    Map<String, String> unknown = new LinkedHashMap<>();
    Set<String> contradicting = new TreeSet<>();
    List<Integer> withoutKey = new ArrayList<>();
    int rows = 0;
    int empty = 0;
    try (CsvChunks chunks = CsvTables.stream(file.path(), options, survey.withText(key))) {
      while (chunks.hasNext()) {
        Table table = chunks.next();
        Column keys = table.column(key);
        Column labels = table.column(label);
        for (int row = 0; row < table.rows(); row++) {
          rows++;
          @Nullable String name = keys.text(row);
          @Nullable String value = labels.text(row);
          if (name == null) {
            withoutKey.add(rows);
          } else if (value == null) {
            empty++;
          } else if (!target.classes().contains(value)) {
            unknown.put(name, value);
          } else {
            String other = byKey.putIfAbsent(name, value);
            if (other != null && !other.equals(value)) {
              contradicting.add(name);
            }
          }
        }
        context.progress("labels read", rows, survey.rows());
      }
    }
    if (!withoutKey.isEmpty()) {
      throw new InvalidInputException(
          "'%s' has no value of '%s' in %s; give each label the key of its row."
              .formatted(file.path(), key, rowsIn(withoutKey)));
    }
    byKey.keySet().removeAll(contradicting);
    return new LabelFile(
        Hashing.sha256(String.join("\n", fileHash, key, label)),
        rows,
        byKey,
        empty,
        Doubtful.of(
            unknown.entrySet().stream()
                .map(entry -> "'%s' of %s".formatted(entry.getValue(), entry.getKey()))
                .toList()),
        Doubtful.of(contradicting));
  }

  private static String rowsIn(List<Integer> rows) {
    String shown =
        rows.stream().limit(SHOWN).map(String::valueOf).collect(Collectors.joining(", "));
    return (rows.size() == 1 ? "row " : "rows ")
        + shown
        + (rows.size() > SHOWN ? " and %d more".formatted(rows.size() - SHOWN) : "");
  }
}
