package retune.serving.querylog;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.model.ModelVersion;
import retune.serving.prediction.Prediction;

/**
 * A request whose rows were predicted.
 *
 * @param id of the request, unique unless a caller chose one twice
 * @param version the one that answered
 * @param rows the raw columns that it read
 * @param predictions one for each row
 * @param latencyMicros from the request's arrival to the prediction
 * @param challenger null unless a challenger scored or answered the request
 */
public record AnsweredRequest(
    String id,
    Instant receivedAt,
    ModelVersion version,
    Table rows,
    List<Prediction> predictions,
    long latencyMicros,
    @Nullable ChallengerAnswer challenger) {
  /** About what the objects of a request take, beside its columns and predictions. */
  private static final int REQUEST_BYTES = 400;

  /** About what the objects of a column take, or those of a text. */
  private static final int COLUMN_BYTES = 80;

  /** About what the objects of a row's prediction take. */
  private static final int PREDICTION_BYTES = 48;

  /**
   * A challenger's answer to the request.
   *
   * @param mode {@code shadow} or {@code canary}
   * @param predictions one for each row
   */
  public record ChallengerAnswer(String modelId, String mode, List<Prediction> predictions) {}

  /** The same with a challenger's answer. */
  public AnsweredRequest with(ChallengerAnswer answer) {
    return new AnsweredRequest(id, receivedAt, version, rows, predictions, latencyMicros, answer);
  }

  /** About how many bytes it takes in memory. */
  public long bytes() {
    long bytes = REQUEST_BYTES;
    for (Column column : rows.columns()) {
      bytes += COLUMN_BYTES + (long) Double.BYTES * column.rows();
      if (column instanceof Column.Texts texts) {
        for (String text : texts.values()) {
          bytes += text == null ? 0 : COLUMN_BYTES + 2L * text.length();
        }
      }
    }
    long classes = predictions.getFirst().probabilities().length;
    long prediction = PREDICTION_BYTES + Double.BYTES * classes;
    return bytes + predictions.size() * prediction * (challenger == null ? 1 : 2);
  }
}
