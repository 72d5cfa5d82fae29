package retune.serving.prediction;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.core.preprocessing.Occurrence;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.TableEncoder;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.GoldenCheck;
import retune.model.engine.Outputs;
import retune.model.engine.Predictor;
import retune.runtime.http.Refusal;

/** A version that is ready to predict; its engine stays open as long as anybody uses it. */
public final class LoadedVersion {
  /**
   * The predictions for the rows of a table.
   *
   * @param predictions one for each row
   * @param outcomes number of values that a rule of the preprocessing handled
   */
  public record Answers(List<Prediction> predictions, Map<Occurrence, Integer> outcomes) {}

  private final Predictor predictor;
  private final TableEncoder encoder;
  private final RowWarnings.Columns columns;

  /** One for being the served version, plus one for each in-flight request. */
  private final AtomicInteger users = new AtomicInteger(1);

  private LoadedVersion(Predictor predictor) {
    this.predictor = predictor;
    this.encoder = predictor.version().preprocessing().encoder();
    this.columns = new RowWarnings.Columns(predictor.version().preprocessing());
  }

  /**
   * Opens a version and checks it on its golden rows.
   *
   * @throws InvalidInputException if the version has no head or its logits for a golden row differ
   *     from those recorded in training
   */
  public static LoadedVersion open(ModelFolder.Content content) {
    ModelVersion version = content.version();
    Engine engine = Engines.open(version, content.weights());
    try {
      GoldenCheck.maxDifference(version, engine);
      return new LoadedVersion(new Predictor(version, engine));
    } catch (RuntimeException | Error e) {
      engine.close();
      throw e;
    }
  }

  public ModelVersion version() {
    return predictor.version();
  }

  /** The raw columns that the version reads. */
  public List<String> rawColumns() {
    return encoder.rawColumns();
  }

  public String engineName() {
    return predictor.engine().name();
  }

  /** Registers a user; false if the engine is closed already. */
  boolean retain() {
    return users.getAndUpdate(count -> count == 0 ? 0 : count + 1) > 0;
  }

  /** Removes a user; the last one closes the engine. */
  public void release() {
    if (users.decrementAndGet() == 0) {
      predictor.engine().close();
    }
  }

  /**
   * Predicts all rows or none.
   *
   * @param rows the raw columns that the model reads
   * @throws Refusal if a row cannot be read; the sentence names the row, counted from 0
   */
  public Answers answer(Table rows) {
    RowWarnings warnings = new RowWarnings(columns);
    Preprocessing.Result result;
    try {
      result = encoder.apply(rows, 0, warnings);
    } catch (InvalidInputException e) {
      throw new Refusal(422, String.valueOf(e.getMessage()));
    }
    int[] kept = result.keptRows();
    if (kept.length < rows.rows()) {
      throw unreadable(rows, firstRejected(kept));
    }
    warnings.check(result.features());
    Outputs outputs = predictor.predict(result.features());
    List<Prediction> predictions = new ArrayList<>();
    for (int row = 0; row < outputs.rows(); row++) {
      predictions.add(
          new Prediction(
              version().target(),
              outputs.predicted(row),
              outputs.probabilities(row),
              warnings.of(row)));
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
    Occurrence reason =
        encoder.apply(alone, 0, Preprocessing.Observer.NONE).rejected().keySet().iterator().next();
    String column = reason.column();
    String value = alone.column(column).text(0);
    String wrong =
        switch (reason.outcome()) {
          case MISSING_VALUE ->
              "has no value in '%s', and the model cannot fill it in; send one".formatted(column);
          case INFINITE -> "has an infinite number in '%s'; send a finite one".formatted(column);
          default ->
              "has '%s' in '%s', which the model does not accept there; see /openapi.json"
                  .formatted(value, column);
        };
    return new Refusal(422, "Row %d %s.".formatted(row, wrong));
  }
}
