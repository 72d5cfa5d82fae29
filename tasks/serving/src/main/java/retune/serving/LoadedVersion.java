package retune.serving;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.core.metrics.DecisionRule;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.GoldenCheck;
import retune.model.engine.Probabilities;

/** A version that can answer: its engine is open for as long as somebody uses it. */
final class LoadedVersion {
  /**
   * Answers to a table's rows.
   *
   * @param outcomes values that met a fitted rule, by rule and column
   */
  record Answers(List<Prediction> predictions, Map<String, Integer> outcomes) {}

  private final ModelVersion version;
  private final Engine engine;
  private final DecisionRule rule;

  /** One for being served, and one for each request that is being answered. */
  private final AtomicInteger users = new AtomicInteger(1);

  private LoadedVersion(ModelVersion version, Engine engine) {
    this.version = version;
    this.engine = engine;
    this.rule = DecisionRule.of(version.target(), version.decisionThreshold());
  }

  /**
   * Opens a version that answers its golden rows as it did in training; an {@link
   * InvalidInputException} says which it does not, or that it has no head.
   */
  static LoadedVersion open(ModelFolder.Content content) {
    ModelVersion version = content.version();
    Engine engine = Engines.open(version, content.weights());
    try {
      GoldenCheck.maxDifference(version, engine);
      return new LoadedVersion(version, engine);
    } catch (RuntimeException | Error e) {
      engine.close();
      throw e;
    }
  }

  ModelVersion version() {
    return version;
  }

  String engineName() {
    return engine.name();
  }

  /** One more user, unless the last has gone already. */
  boolean retain() {
    return users.getAndUpdate(count -> count == 0 ? 0 : count + 1) > 0;
  }

  /** One user less; the engine closes with the last. */
  void release() {
    if (users.decrementAndGet() == 0) {
      engine.close();
    }
  }

  /**
   * Answers all rows, or none.
   *
   * @param rows the raw columns that the model reads
   * @throws Refusal where a row cannot be read; it names the row, counted from 0
   */
  Answers answer(Table rows) {
    Preprocessing.Result result;
    try {
      result = version.preprocessing().apply(rows);
    } catch (InvalidInputException e) {
      throw new Refusal(422, String.valueOf(e.getMessage()));
    }
    int[] kept = result.keptRows();
    if (kept.length < rows.rows()) {
      throw unreadable(rows, firstRejected(kept));
    }
    int classes = version.target().classes().size();
    float[] logits = engine.head(engine.encode(result.features()), kept.length);
    List<Prediction> predictions = new ArrayList<>();
    for (double[] probabilities : Probabilities.of(logits, classes)) {
      predictions.add(
          new Prediction(version.target(), rule.answer(probabilities, 0), probabilities));
    }
    return new Answers(predictions, result.outcomes());
  }

  private static int firstRejected(int[] kept) {
    int row = 0;
    while (row < kept.length && kept[row] == row) {
      row++;
    }
    return row;
  }

  private Refusal unreadable(Table rows, int row) {
    Table alone = rows.select(new int[] {row});
    // missing_value.AGE, the one reason that this row is rejected for
    String reason = version.preprocessing().apply(alone).rejected().keySet().iterator().next();
    int dot = reason.indexOf('.');
    String column = reason.substring(dot + 1);
    String value = alone.column(column).text(0);
    String wrong =
        switch (reason.substring(0, dot)) {
          case "missing_value" ->
              "has no value in '%s', and the model has none to put there; send one"
                  .formatted(column);
          case "infinite" -> "has an infinite number in '%s'; send a finite one".formatted(column);
          default ->
              "has '%s' in '%s', which is not what the model reads there; see /openapi.json"
                  .formatted(value, column);
        };
    return new Refusal(422, "Row %d %s.".formatted(row, wrong));
  }
}
