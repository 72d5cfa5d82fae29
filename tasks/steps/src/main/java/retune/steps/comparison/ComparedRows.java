package retune.steps.comparison;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.judgement.PolicyInput.Latency;
import retune.core.metrics.Predictions;
import retune.core.preprocessing.Preprocessing;
import retune.model.ModelFolder;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Outputs;
import retune.model.engine.PredictionTime;
import retune.model.engine.Predictor;
import retune.runtime.StepContext;
import retune.steps.data.LabelSource;

/**
 * The rows that both versions answer, that have a label, and that no training of either has seen.
 *
 * @param rows their raw columns, without the target
 * @param leftOut numbers of other rows by reason
 * @param baselineSample features of the first rows, as the baseline reads them
 * @param candidateSample features of the same rows, as the candidate reads them
 */
record ComparedRows(
    Table rows,
    Predictions baseline,
    Predictions candidate,
    Map<String, Integer> leftOut,
    Features baselineSample,
    Features candidateSample) {
  private static final int CHUNK_ROWS = 5_000;

  /** Stands for a label that is no class. */
  private static final int NO_CLASS = Target.UNLABELLED - 1;

  /** A version to compare; one that is not registered comes from a file. */
  record Side(ModelFolder.Content content, boolean isRegistered) {
    ModelVersion version() {
      return content.version();
    }

    Target target() {
      return version().target();
    }
  }

  static ComparedRows of(StepContext context, TestData data, Side baseline, Side candidate) {
    requireSameClasses(baseline.version(), candidate.version());
    Table table = data.rows(baseline.version());
    int[] labels = labels(data, table, baseline.target());
    Map<String, Integer> leftOut = new TreeMap<>();
    int[] rows = IntStream.range(0, labels.length).toArray();
    rows = kept(rows, row -> labels[row] != Target.UNLABELLED, leftOut, "has no label");
    rows =
        kept(
            rows,
            row -> labels[row] >= 0,
            leftOut,
            "has another label than " + baseline.target().classes());
    Optional<LabelSource> source = LabelSource.of(table, baseline.version().preprocessing());
    rows =
        kept(
            rows,
            row -> source.isEmpty() || !source.get().isModel(row),
            leftOut,
            "has its label from a model");
    for (Side side : List.of(baseline, candidate)) {
      boolean[] seen = data.seenRows(side.version(), side.isRegistered(), table);
      rows =
          kept(rows, row -> !seen[row], leftOut, side.version().modelId() + " was trained on it");
    }
    Answers before = Answers.of(context, baseline, table);
    Answers after = Answers.of(context, candidate, data.rows(candidate.version()));
    for (Answers answers : List.of(before, after)) {
      rows =
          kept(
              rows,
              row -> answers.position()[row] >= 0,
              leftOut,
              answers.side().version().modelId() + " cannot read it");
    }
    requireTwoClasses(data, rows, labels, baseline.target(), leftOut);
    return new ComparedRows(
        table.without(Set.of(baseline.target().column())).select(rows),
        before.predictions(rows, labels, baseline.target()),
        after.predictions(rows, labels, baseline.target()),
        leftOut,
        before.sample(rows),
        after.sample(rows));
  }

  /** Measures how long both take for a prediction of one row. */
  Latency latency(Side baseline, Side candidate) {
    try (Engine first = Engines.open(candidate.version(), candidate.content().weights());
        Engine second = Engines.open(baseline.version(), baseline.content().weights())) {
      return PredictionTime.measure(
          new Predictor(candidate.version(), first),
          candidateSample,
          new Predictor(baseline.version(), second),
          baselineSample);
    }
  }

  private interface RowFilter {
    boolean keeps(int row);
  }

  private static int[] kept(
      int[] rows, RowFilter filter, Map<String, Integer> leftOut, String reason) {
    int[] kept = Arrays.stream(rows).filter(filter::keeps).toArray();
    if (kept.length < rows.length) {
      leftOut.put(reason, rows.length - kept.length);
    }
    return kept;
  }

  private static void requireSameClasses(ModelVersion baseline, ModelVersion candidate) {
    Target first = baseline.target();
    Target second = candidate.target();
    boolean same =
        first.column().equals(second.column())
            && new HashSet<>(first.classes()).equals(new HashSet<>(second.classes()))
            && String.valueOf(first.positive()).equals(String.valueOf(second.positive()));
    if (!same) {
      throw new InvalidInputException(
          "The versions answer different questions and cannot be compared: %s predicts %s, %s predicts %s."
              .formatted(baseline.modelId(), words(first), candidate.modelId(), words(second)));
    }
  }

  private static String words(Target target) {
    String positive = target.positive() == null ? "" : ", positive '" + target.positive() + "'";
    return "'%s' with the classes %s%s".formatted(target.column(), target.classes(), positive);
  }

  /** Class indices, {@link Target#UNLABELLED} or {@link #NO_CLASS}. */
  private static int[] labels(TestData data, Table table, Target target) {
    Column labels =
        table
            .find(target.column())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "'%s' has no column '%s', which the versions predict; its columns are %s. Add the true labels under that name."
                            .formatted(data.name(), target.column(), table.names())));
    return IntStream.range(0, table.rows())
        .map(row -> classIndex(labels.text(row), target))
        .toArray();
  }

  private static int classIndex(@Nullable String label, Target target) {
    if (label == null) {
      return Target.UNLABELLED;
    }
    int index = target.classes().indexOf(label);
    return index < 0 ? NO_CLASS : index;
  }

  private static void requireTwoClasses(
      TestData data, int[] rows, int[] labels, Target target, Map<String, Integer> leftOut) {
    String leaving = leftOut.isEmpty() ? "" : "; rows left out, by reason: " + leftOut;
    if (rows.length == 0) {
      throw new InvalidInputException(
          "'%s' has no row to compare the versions on%s.".formatted(data.name(), leaving));
    }
    int first = labels[rows[0]];
    if (Arrays.stream(rows).allMatch(row -> labels[row] == first)) {
      throw new InvalidInputException(
          "All %,d rows of '%s' have the label '%s'%s. A comparison needs rows of at least two classes."
              .formatted(rows.length, data.name(), target.classes().get(first), leaving));
    }
  }

  /**
   * What a version answers.
   *
   * @param position of each row of the table among the answers; −1 for a row that the version
   *     cannot read
   * @param features of the rows that it can read
   * @param outputs one for each chunk of {@value #CHUNK_ROWS} answers
   */
  private record Answers(Side side, int[] position, Features features, List<Outputs> outputs) {
    static Answers of(StepContext context, Side side, Table table) {
      ModelVersion version = side.version();
      Preprocessing.Result result = preprocess(version, table);
      Features features = result.features();
      int[] position = new int[table.rows()];
      Arrays.fill(position, -1);
      for (int i = 0; i < result.keptRows().length; i++) {
        position[result.keptRows()[i]] = i;
      }
      List<Outputs> outputs = new ArrayList<>();
      try (Engine engine = Engines.open(version, side.content().weights(), features.rows())) {
        Predictor predictor = new Predictor(version, engine);
        for (int from = 0; from < features.rows(); from += CHUNK_ROWS) {
          int to = Math.min(features.rows(), from + CHUNK_ROWS);
          outputs.add(predictor.predict(features.select(IntStream.range(from, to).toArray())));
          context.progress("Rows answered by " + version.modelId(), to, features.rows());
        }
      }
      return new Answers(side, position, features, outputs);
    }

    private static Preprocessing.Result preprocess(ModelVersion version, Table table) {
      try {
        return version.preprocessing().apply(table.without(Set.of(version.target().column())));
      } catch (InvalidInputException unreadable) {
        throw new InvalidInputException(
            version.modelId() + ": " + unreadable.getMessage(), unreadable);
      }
    }

    /** Features of the first of some rows. */
    Features sample(int[] rows) {
      return features.select(
          Arrays.stream(rows).limit(PredictionTime.ROWS).map(row -> position[row]).toArray());
    }

    /**
     * The answers to some rows, in the target's order of classes.
     *
     * @param labels of all rows of the table
     */
    Predictions predictions(int[] rows, int[] labels, Target target) {
      int classes = target.classes().size();
      int[] own = target.classes().stream().mapToInt(side.target().classes()::indexOf).toArray();
      double[] probabilities = new double[rows.length * classes];
      for (int i = 0; i < rows.length; i++) {
        int answer = position[rows[i]];
        for (int label = 0; label < classes; label++) {
          probabilities[i * classes + label] =
              outputs.get(answer / CHUNK_ROWS).probability(answer % CHUNK_ROWS, own[label]);
        }
      }
      return new Predictions(
          Arrays.stream(rows).map(row -> labels[row]).toArray(),
          probabilities,
          classes,
          target.positiveIndex(),
          side.version().decisionThreshold());
    }
  }
}
