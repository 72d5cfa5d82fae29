package retune.steps.prediction;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.commons.csv.CSVFormat;
import retune.core.data.Table;
import retune.core.preprocessing.Occurrence;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Outputs;
import retune.model.engine.Predictor;

/** A version's predictions for the rows of tables as lines of CSV, and counts of them. */
final class PredictionsCsv {
  private static final String FORMULA_STARTS = "=+-@\t\r";
  private static final Pattern NUMBER = Pattern.compile("[+-]?\\d+(\\.\\d+)?([eE][+-]?\\d+)?");

  private final ModelVersion version;
  private final Predictor predictor;
  private final int classes;
  private final Map<String, Long> byClass = new TreeMap<>();
  private final Map<Occurrence, Long> rejected = new TreeMap<>();
  private final Map<Occurrence, Long> outcomes = new TreeMap<>();
  private final List<String> cells;
  private final String unanswered;
  private long rows;
  private long predicted;

  PredictionsCsv(ModelVersion version, Engine engine) {
    this.version = version;
    this.predictor = new Predictor(version, engine);
    this.classes = version.target().classes().size();
    this.cells = version.target().classes().stream().map(PredictionsCsv::cell).toList();
    this.unanswered = ",".repeat(2 * classes + 1) + "\n";
  }

  String header() {
    StringBuilder header = new StringBuilder("row");
    for (String kind : List.of("logit", "probability")) {
      for (int i = 0; i < classes; i++) {
        header.append(',').append(kind).append('_').append(i);
      }
    }
    return header.append(",predicted\n").toString();
  }

  /** One line for each of the next rows. */
  String lines(Table next) {
    Preprocessing.Result result = version.preprocessing().apply(next, rows);
    add(rejected, result.rejected());
    add(outcomes, result.outcomes());
    int[] kept = result.keptRows();
    Outputs outputs = predictor.predict(result.features());
    StringBuilder lines = new StringBuilder();
    int answered = 0;
    for (int row = 0; row < next.rows(); row++) {
      lines.append(rows + row);
      if (answered < kept.length && kept[answered] == row) {
        append(lines, outputs, answered);
        answered++;
      } else {
        lines.append(unanswered);
      }
    }
    rows += next.rows();
    predicted += answered;
    return lines.toString();
  }

  /** Rows seen. */
  long rows() {
    return rows;
  }

  /** Rows answered. */
  long predicted() {
    return predicted;
  }

  Map<String, Long> classes() {
    return Collections.unmodifiableMap(byClass);
  }

  Map<String, Long> rejected() {
    return Occurrence.named(rejected);
  }

  Map<String, Long> outcomes() {
    return Occurrence.named(outcomes);
  }

  private void append(StringBuilder line, Outputs outputs, int row) {
    for (int label = 0; label < classes; label++) {
      line.append(',').append(outputs.logit(row, label));
    }
    for (int label = 0; label < classes; label++) {
      line.append(',').append(outputs.probability(row, label));
    }
    int predictedClass = outputs.predicted(row);
    line.append(',').append(cells.get(predictedClass)).append('\n');
    byClass.merge(version.target().classes().get(predictedClass), 1L, Long::sum);
  }

  /**
   * A class as a cell. A spreadsheet runs text that begins with one of {@code = + - @}, a tab or a
   * carriage return as a formula, so such text gets an apostrophe in front; numbers do not.
   */
  private static String cell(String text) {
    boolean formula =
        !text.isEmpty()
            && FORMULA_STARTS.indexOf(text.charAt(0)) >= 0
            && !NUMBER.matcher(text).matches();
    return CSVFormat.RFC4180.format(formula ? "'" + text : text);
  }

  private static void add(Map<Occurrence, Long> totals, Map<Occurrence, Integer> counts) {
    counts.forEach((occurrence, count) -> totals.merge(occurrence, (long) count, Long::sum));
  }
}
