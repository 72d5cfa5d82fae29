package retune.steps.data;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Hashing;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.preprocessing.Occurrence;
import retune.core.preprocessing.Outcome;
import retune.core.preprocessing.Preprocessing;
import retune.core.split.ModelLabels;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.runtime.store.RawBatches.RawBatch;

/**
 * Turns a batch's raw rows into features and labels, chunk by chunk, and counts the outcomes. Keeps
 * rows without a label and rejects rows whose label is not a class. A label that came later takes
 * the place of the row's own. To all that judges, a row whose label a model gave has none; see
 * {@link LabelSource}.
 */
final class Processing implements Iterator<Rows> {
  /** Change it when the same raw rows and preprocessing give other features. */
  private static final String FORMAT = "retune.processing/1";

  /** Stands for a label that is not a class. */
  private static final int UNKNOWN = -2;

  private final LabelsOfDay late;
  private final Preprocessing preprocessing;
  private final Target target;
  private final Iterator<Table> chunks;
  private final List<String> hashedColumns;
  private final Map<Occurrence, Integer> rejected = new TreeMap<>();
  private final Map<Occurrence, Integer> outcomes = new TreeMap<>();
  private int rowsIn;
  private int rowsOut;
  private int labelled;

  Processing(Preprocessing preprocessing, Target target, Iterator<Table> chunks, LabelsOfDay late) {
    this.late = late;
    this.preprocessing = preprocessing;
    this.target = target;
    this.chunks = chunks;
    // Sorted, so that a row's hash is the same for every version of a model.
    this.hashedColumns = preprocessing.rawColumns().stream().sorted().toList();
  }

  /** Hash of the features and labels that a raw batch gives. */
  static String contentHash(
      RawBatch raw, Preprocessing preprocessing, Target target, LabelsOfDay late) {
    String rows =
        String.join(
            "\n",
            FORMAT,
            raw.contentHash(),
            preprocessing.hash(),
            target.column(),
            String.join("\n", target.classes()),
            String.valueOf(target.positive()));
    return Hashing.sha256(late.stamp().isEmpty() ? rows : rows + "\n" + late.stamp());
  }

  @Override
  public boolean hasNext() {
    return chunks.hasNext();
  }

  @Override
  public Rows next() {
    Table chunk = chunks.next();
    Optional<LabelSource> source = LabelSource.of(chunk, preprocessing);
    Table raw = late.withoutKey(withoutLabels(chunk, source.isPresent()));
    Preprocessing.Result result = preprocessing.apply(raw, rowsIn);
    int[] classes = classes(chunk, result.keptRows());
    int[] known = IntStream.range(0, classes.length).filter(i -> classes[i] != UNKNOWN).toArray();
    int[] rawRows = Arrays.stream(known).map(i -> result.keptRows()[i]).toArray();
    int[] labels = Arrays.stream(known).map(i -> classes[i]).toArray();
    ModelLabels modelLabels = modelLabels(chunk, source, rawRows, labels);
    rowsIn += chunk.rows();
    rowsOut += known.length;
    labelled += (int) Arrays.stream(labels).filter(label -> label != Target.UNLABELLED).count();
    result.rejected().forEach((rule, count) -> rejected.merge(rule, count, Integer::sum));
    result.outcomes().forEach((rule, count) -> outcomes.merge(rule, count, Integer::sum));
    if (known.length < classes.length) {
      rejected.merge(
          new Occurrence(Outcome.UNKNOWN_LABEL, target.column()),
          classes.length - known.length,
          Integer::sum);
    }
    return new Rows(
        result.features().select(known),
        labels,
        Hashing.rows(raw.select(rawRows), hashedColumns),
        modelLabels);
  }

  private Table withoutLabels(Table chunk, boolean hasMarks) {
    Set<String> labels = new HashSet<>(Set.of(target.column()));
    if (hasMarks) {
      labels.addAll(List.of(LabelMarks.SOURCE, LabelMarks.CONFIDENCE));
    }
    return chunk.without(labels);
  }

  /** Moves the labels that a model gave to a place of their own; null if it gave none. */
  private @Nullable ModelLabels modelLabels(
      Table chunk, Optional<LabelSource> source, int[] rawRows, int[] labels) {
    if (source.isEmpty()) {
      return null;
    }
    ModelLabels ofModel = ModelLabels.none(labels.length);
    boolean any = false;
    for (int row = 0; row < labels.length; row++) {
      if (labels[row] != Target.UNLABELLED
          && late.of(chunk, rawRows[row]).isEmpty()
          && source.get().isModel(rawRows[row])) {
        ofModel.labels()[row] = labels[row];
        ofModel.confidences()[row] = source.get().confidence(rawRows[row]);
        labels[row] = Target.UNLABELLED;
        any = true;
      }
    }
    return any ? ofModel : null;
  }

  /** Number of raw rows read so far. */
  int rowsIn() {
    return rowsIn;
  }

  /** Describes the whole batch; call it after the last chunk. */
  ProcessedBatch describe(RawBatch raw, String runId) {
    if (rowsOut == 0) {
      throw new InvalidInputException(
          "All "
              + rowsIn
              + " rows of the raw batch '"
              + raw.batchId()
              + "' are rejected "
              + rejected
              + "; correct the rows, or register a version that reads them.");
    }
    return new ProcessedBatch(
        raw.batchId(),
        raw.model(),
        raw.logicalDate(),
        raw.datasetName(),
        runId,
        contentHash(raw, preprocessing, target, late),
        raw.contentHash(),
        preprocessing.hash(),
        preprocessing.schema(),
        rowsIn,
        rowsOut,
        labelled,
        Occurrence.named(rejected),
        Occurrence.named(outcomes),
        raw.key() == null ? null : late.stamp());
  }

  /** The rows' class indices; unlabelled where neither the row nor a later file has a label. */
  private int[] classes(Table chunk, int[] rows) {
    Optional<Column> labels = chunk.find(target.column());
    return Arrays.stream(rows)
        .map(
            row ->
                classIndex(
                    late.of(chunk, row)
                        .orElse(labels.map(column -> column.text(row)).orElse(null))))
        .toArray();
  }

  private int classIndex(@Nullable String label) {
    if (label == null) {
      return Target.UNLABELLED;
    }
    int index = target.classes().indexOf(label);
    return index < 0 ? UNKNOWN : index;
  }
}
