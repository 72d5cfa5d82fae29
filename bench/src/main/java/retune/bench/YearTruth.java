package retune.bench;

import java.time.LocalDate;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import retune.bench.YearScript.Population;
import retune.core.data.Features;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.metrics.Metric;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.Preprocessing;
import retune.learning.training.TrainingTable;
import retune.learning.trees.TreesTraining;
import retune.model.ModelFolder;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Predictor;
import retune.runtime.StepContext;

/**
 * The true macro F1 of versions: on many fresh rows of each population, with true labels. All
 * versions answer the same rows.
 */
final class YearTruth {
  private static final LocalDate FRESH = LocalDate.of(2030, 1, 1);
  private static final LocalDate REFERENCE = LocalDate.of(2031, 1, 1);

  private record Sample(Features features, int[] labels) {}

  private final YearRows rows;
  private final Preprocessing preprocessing;
  private final Target target;
  private final int size;
  private final Map<Population, Sample> samples = new HashMap<>();
  private final Map<Population, ModelFolder.Content> references = new HashMap<>();
  private final Map<String, Double> values = new HashMap<>();

  /**
   * Measures by so many rows.
   *
   * @param first gives the preprocessing of all versions
   */
  YearTruth(YearRows rows, ModelFolder.Content first, int size) {
    this.rows = rows;
    this.preprocessing = first.version().preprocessing();
    this.target = first.version().target();
    this.size = size;
  }

  double of(ModelFolder.Content version, Population population) {
    return values.computeIfAbsent(
        version.version().modelId() + " " + population.id(), _ -> measure(version, population));
  }

  /** A model that was trained on as many rows of this population alone. */
  ModelFolder.Content reference(Population population, StepContext context) {
    ModelFolder.Content known = references.get(population);
    if (known == null) {
      known = train(population.id(), rows.of(population, 1, REFERENCE, size), context);
      references.put(population, known);
    }
    return known;
  }

  /**
   * Boosts trees on a table as {@code new_loop} does, with the preprocessing of the first model.
   */
  ModelFolder.Content train(String name, Table table, StepContext context) {
    return new TreesTraining("year", Metric.F1_MACRO, 0)
        .run(
            TrainingTable.of(
                table, target, FitOptions.excluding(), preprocessing, 0, "year/" + name),
            context)
        .content();
  }

  /** Rows as the models read them. */
  Features features(Table table) {
    return preprocessing.apply(table.without(Set.of(target.column()))).features();
  }

  private double measure(ModelFolder.Content version, Population population) {
    Sample sample = samples.computeIfAbsent(population, this::draw);
    try (Engine engine = Engines.open(version.version(), version.weights())) {
      return Metric.F1_MACRO.of(
          new Predictor(version.version(), engine).predict(sample.features).against(sample.labels));
    }
  }

  private Sample draw(Population population) {
    Table table = rows.of(population, 0, FRESH, size);
    int[] labels = target.encode(table.column(target.column()));
    Preprocessing.Result result = preprocessing.apply(table.without(Set.of(target.column())));
    return new Sample(
        result.features(), IntStream.of(result.keptRows()).map(row -> labels[row]).toArray());
  }
}
