package retune.runtime.store;

import com.mongodb.client.model.Projections;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.bson.types.Binary;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.split.ModelLabels;
import retune.runtime.store.ProcessedBatches.Rows;

/** Converts rows of features to one document of columns or to one document per row. */
final class ProcessedRows {
  private static final String CODES = "codes";
  private static final String NUMBERS = "numbers";
  private static final String LABELS = "labels";
  private static final String ROW_HASHES = "row_hashes";
  private static final String MODEL_LABELS = "model_labels";
  private static final String CONFIDENCES = "confidences";

  /** Projection for {@link #labels}. */
  static final Bson LABELS_ALONE = Projections.include(LABELS);

  /** Projection for {@link #trainingLabels}. */
  static final Bson TRAINING_LABELS_ALONE = Projections.include(LABELS, MODEL_LABELS);

  /** Field names of a row document that are not available to features. */
  private static final Set<String> RESERVED =
      Set.of("_id", "batch_id", "processing_timestamp", "dataset_name", "row_hash", "label");

  private ProcessedRows() {}

  /** Returns the selected rows, in that order. */
  static Rows select(Rows rows, int[] selected) {
    int[] labels = new int[selected.length];
    long[] hashes = new long[selected.length];
    for (int i = 0; i < selected.length; i++) {
      labels[i] = rows.labels()[selected[i]];
      hashes[i] = rows.rowHashes()[selected[i]];
    }
    ModelLabels ofModel = rows.modelLabels();
    return new Rows(
        rows.features().select(selected),
        labels,
        hashes,
        ofModel == null ? null : ofModel.select(selected));
  }

  static Document columns(Rows rows) {
    Features features = rows.features();
    FeatureSchema schema = features.schema();
    List<String> categorical = schema.categorical().stream().map(Categorical::name).toList();
    Document columns =
        new Document("rows", features.rows())
            .append(CODES, named(categorical, i -> LittleEndian.ints(features.codes()[i])))
            .append(
                NUMBERS, named(schema.numeric(), i -> LittleEndian.floats(features.numbers()[i])))
            .append(LABELS, LittleEndian.ints(rows.labels()))
            .append(ROW_HASHES, LittleEndian.longs(rows.rowHashes()));
    ModelLabels ofModel = rows.modelLabels();
    return ofModel == null
        ? columns
        : columns
            .append(MODEL_LABELS, LittleEndian.ints(ofModel.labels()))
            .append(CONFIDENCES, LittleEndian.floats(ofModel.confidences()));
  }

  private static Document named(List<String> names, IntFunction<Binary> column) {
    Document columns = new Document();
    for (int i = 0; i < names.size(); i++) {
      columns.append(names.get(i), column.apply(i));
    }
    return columns;
  }

  static int[] labels(Document columns) {
    return LittleEndian.ints(columns.get(LABELS, Binary.class));
  }

  /** As {@link Rows#trainingLabels} has them. */
  static int[] trainingLabels(Document columns) {
    int[] labels = labels(columns);
    Binary ofModel = columns.get(MODEL_LABELS, Binary.class);
    return ofModel == null
        ? labels
        : new ModelLabels(LittleEndian.ints(ofModel), new float[labels.length]).besides(labels);
  }

  static Rows rows(Document columns, FeatureSchema schema) {
    Document codes = columns.get(CODES, Document.class);
    Document numbers = columns.get(NUMBERS, Document.class);
    return new Rows(
        new Features(
            schema,
            columns.getInteger("rows"),
            schema.categorical().stream()
                .map(feature -> LittleEndian.ints(codes.get(feature.name(), Binary.class)))
                .toArray(int[][]::new),
            schema.numeric().stream()
                .map(feature -> LittleEndian.floats(numbers.get(feature, Binary.class)))
                .toArray(float[][]::new)),
        labels(columns),
        LittleEndian.longs(columns.get(ROW_HASHES, Binary.class)),
        columns.containsKey(MODEL_LABELS)
            ? new ModelLabels(
                LittleEndian.ints(columns.get(MODEL_LABELS, Binary.class)),
                LittleEndian.floats(columns.get(CONFIDENCES, Binary.class)))
            : null);
  }

  /** One document per row; a feature with a reserved name gets a trailing underscore. */
  static List<Document> documents(Rows rows, List<String> ids, Document common) {
    Features features = rows.features();
    FeatureSchema schema = features.schema();
    List<Document> documents = new ArrayList<>(features.rows());
    for (int row = 0; row < features.rows(); row++) {
      Document document = new Document("_id", ids.get(row));
      for (int i = 0; i < features.codes().length; i++) {
        document.append(field(schema.categorical().get(i).name()), features.codes()[i][row]);
      }
      for (int i = 0; i < features.numbers().length; i++) {
        document.append(field(schema.numeric().get(i)), (double) features.numbers()[i][row]);
      }
      if (rows.labels()[row] != Target.UNLABELLED) {
        document.append("label", rows.labels()[row]);
      }
      document.append("row_hash", rows.rowHashes()[row]);
      document.putAll(common);
      documents.add(document);
    }
    return documents;
  }

  private static String field(String feature) {
    return RESERVED.contains(feature) ? feature + "_" : feature;
  }
}
