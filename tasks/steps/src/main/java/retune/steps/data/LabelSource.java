package retune.steps.data;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.core.preprocessing.NumberText;
import retune.core.preprocessing.Preprocessing;

/**
 * Who gave the labels of raw rows, from two columns that a source may have: {@code label_source} is
 * {@code person} or empty where a person gave the label, and anything else where a model did;
 * {@code confidence} is that model's, 0 … 1. Columns of these names that the model reads are
 * features like any other.
 */
public record LabelSource(Column source, Column confidence) {
  static final String PERSON = "person";

  /** The two columns; empty if the table lacks one, so that people gave all labels. */
  public static Optional<LabelSource> of(Table table, Preprocessing preprocessing) {
    Optional<Column> source = table.find(LabelMarks.SOURCE);
    Optional<Column> confidence = table.find(LabelMarks.CONFIDENCE);
    boolean areFeatures =
        preprocessing.rawColumns().contains(LabelMarks.SOURCE)
            || preprocessing.rawColumns().contains(LabelMarks.CONFIDENCE);
    return source.isEmpty() || confidence.isEmpty() || areFeatures
        ? Optional.empty()
        : Optional.of(new LabelSource(source.get(), confidence.get()));
  }

  /** Whether a model gave the row's label. */
  public boolean isModel(int row) {
    String text = source.text(row);
    return text != null && !text.equals(PERSON);
  }

  /** The model's confidence; 0 where it is missing or not from 0 to 1. */
  float confidence(int row) {
    @Nullable String text = confidence.text(row);
    double value = text == null ? 0 : NumberText.parse(text).orElse(0);
    return value >= 0 && value <= 1 ? (float) value : 0;
  }
}
