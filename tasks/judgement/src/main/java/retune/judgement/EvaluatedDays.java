package retune.judgement;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import retune.core.metrics.Predictions;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.store.RawBatches;

/** The labelled days on which a version was measured, with what it answered there. */
public final class EvaluatedDays {
  /** The dataset's name of a day's evaluation. */
  public static final String DATASET = "test";

  private EvaluatedDays() {}

  /**
   * The last days before a date whose predictions are {@linkplain KeptPredictions kept}, by their
   * batch's id, the newest first. A day that was measured again counts as it was measured last.
   *
   * @param most number of days
   */
  public static Map<String, Predictions> before(
      StepContext context, ModelVersion version, LocalDate date, int most) {
    List<Document> measured =
        context
            .store()
            .collection(MeasuredVersion.COLLECTION)
            .find(
                Filters.and(
                    Filters.gte("_id", version.modelId() + "/"),
                    Filters.lt("_id", version.modelId() + "0"), // '0' follows '/'
                    Filters.eq("dataset_name", DATASET),
                    Filters.lt("data_path", RawBatches.batchId(version.modelName(), date))))
            .projection(Projections.include("data_path", MeasuredVersion.PREDICTIONS))
            .sort(Sorts.descending("data_path", "timestamp"))
            .into(new ArrayList<>());
    Map<String, Predictions> days = new LinkedHashMap<>();
    for (Document day : measured) {
      String predictions = day.getString(MeasuredVersion.PREDICTIONS);
      String batch = day.getString("data_path");
      if (days.size() < most && predictions != null && !days.containsKey(batch)) {
        KeptPredictions.find(context, version, predictions)
            .ifPresent(kept -> days.put(batch, kept));
      }
    }
    return days;
  }
}
