package retune.steps.prediction;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.csv.CSVFormat;
import retune.core.data.Table;
import retune.core.metrics.DecisionRule;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Probabilities;

/** A version's answers to rows of tables as lines of CSV, and what is counted on the way. */
final class Answers {
  private final ModelVersion version;
  private final Engine engine;
  private final int classes;
  private final DecisionRule rule;
  private final Map<String, Long> byClass = new TreeMap<>();
  private final Map<String, Long> rejected = new TreeMap<>();
  private final Map<String, Long> outcomes = new TreeMap<>();
  private final List<String> quotedClasses;
  private final String unanswered;
  private long rows;
  private long predicted;

  Answers(ModelVersion version, Engine engine) {
    this.version = version;
    this.engine = engine;
    this.classes = version.target().classes().size();
    this.rule = DecisionRule.of(version.target(), version.decisionThreshold());
    this.quotedClasses =
        version.target().classes().stream().map(CSVFormat.RFC4180::format).toList();
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
    float[] logits =
        kept.length == 0
            ? new float[0]
            : engine.head(engine.encode(result.features()), kept.length);
    double[][] probabilities = Probabilities.of(logits, classes);
    StringBuilder lines = new StringBuilder();
    int answered = 0;
    for (int row = 0; row < next.rows(); row++) {
      lines.append(rows + row);
      if (answered < kept.length && kept[answered] == row) {
        append(lines, logits, answered * classes, probabilities[answered]);
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
    return Collections.unmodifiableMap(rejected);
  }

  Map<String, Long> outcomes() {
    return Collections.unmodifiableMap(outcomes);
  }

  private void append(StringBuilder line, float[] logits, int first, double[] probabilities) {
    for (int i = 0; i < classes; i++) {
      line.append(',').append(logits[first + i]);
    }
    for (double probability : probabilities) {
      line.append(',').append(probability);
    }
    int answer = rule.answer(probabilities, 0);
    line.append(',').append(quotedClasses.get(answer)).append('\n');
    byClass.merge(version.target().classes().get(answer), 1L, Long::sum);
  }

  private static void add(Map<String, Long> totals, Map<String, Integer> counts) {
    counts.forEach((name, count) -> totals.merge(name, (long) count, Long::sum));
  }
}
