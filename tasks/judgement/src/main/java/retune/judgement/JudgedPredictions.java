package retune.judgement;

import org.bson.Document;
import org.jspecify.annotations.Nullable;

/**
 * The ids of the {@link KeptPredictions} that a verdict rests on; null where there are none, or too
 * many to keep.
 *
 * @param model the judged version's
 * @param champion the champion's on the same rows
 * @param ordinary the judged version's on {@link OrdinaryRows}
 * @param championOrdinary the champion's on {@link OrdinaryRows}
 */
public record JudgedPredictions(
    @Nullable String model,
    @Nullable String champion,
    @Nullable String ordinary,
    @Nullable String championOrdinary) {
  /** Those of a verdict on the champion itself. */
  public static JudgedPredictions ofChampion(@Nullable String id) {
    return new JudgedPredictions(id, id, null, null);
  }

  Document toDocument() {
    return new Document("predictions", model)
        .append("champion_predictions", champion)
        .append("ordinary_predictions", ordinary)
        .append("champion_ordinary_predictions", championOrdinary);
  }

  static JudgedPredictions of(Document verdict) {
    return new JudgedPredictions(
        verdict.getString("predictions"),
        verdict.getString("champion_predictions"),
        verdict.getString("ordinary_predictions"),
        verdict.getString("champion_ordinary_predictions"));
  }
}
