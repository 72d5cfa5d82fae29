package retune.steps.audit;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.judgement.EvaluatedDays;
import retune.judgement.MeasuredVersion;
import retune.runtime.store.DocumentStore;
import retune.steps.evaluation.EstimatePerformance;

/** Days whose metric was estimated before their labels came, and what the labels gave. */
final class EstimatedDays {
  private static final String PATH = "data_path";

  private EstimatedDays() {}

  /** The first estimate of each day of a model, by date, as an event of its history. */
  static Map<String, Document> of(DocumentStore store, String model) {
    Map<String, Document> days = new TreeMap<>();
    Map<String, Document> measured = measured(store, model);
    store
        .collection(EstimatePerformance.COLLECTION)
        .find(Filters.and(of(model), Filters.ne("estimate", null)))
        .sort(Sorts.ascending("timestamp"))
        .forEach(
            estimate -> {
              String date = estimate.getString(PATH).substring(model.length() + 1);
              Document metrics = measured.get(version(estimate));
              days.computeIfAbsent(date, _ -> event(estimate, date, metrics));
            });
    return days;
  }

  /** The metrics of each version on each day once its labels were there, as measured last. */
  private static Map<String, Document> measured(DocumentStore store, String model) {
    Map<String, Document> measured = new HashMap<>();
    store
        .collection(MeasuredVersion.COLLECTION)
        .find(Filters.and(of(model), Filters.eq("dataset_name", EvaluatedDays.DATASET)))
        .projection(Projections.include("model_id", PATH, "metrics"))
        .sort(Sorts.ascending("timestamp"))
        .forEach(
            document -> measured.put(version(document), document.get("metrics", new Document())));
    return measured;
  }

  private static Bson of(String model) {
    return Filters.and(
        Filters.gte(PATH, model + "/"), Filters.lt(PATH, model + "0")); // '0' follows '/'
  }

  /** A version on a day. */
  private static String version(Document document) {
    return document.getString("model_id") + " on " + document.getString(PATH);
  }

  private static Document event(Document estimate, String date, @Nullable Document metrics) {
    Double truth = metrics == null ? null : metrics.getDouble(estimate.getString("metric"));
    return new Document("timestamp", estimate.getString("timestamp"))
        .append("event", "performance_estimated")
        .append("model_id", estimate.getString("model_id"))
        .append("reason", estimate.getString("reason"))
        .append("logical_date", date)
        .append("metric", estimate.getString("metric"))
        .append("estimate", estimate.getDouble("estimate"))
        .append("low", estimate.getDouble("low"))
        .append("high", estimate.getDouble("high"))
        .append("truth", truth)
        .append("estimate_and_truth", sentence(estimate, truth));
  }

  private static String sentence(Document estimate, @Nullable Double truth) {
    double low = estimate.getDouble("low");
    double high = estimate.getDouble("high");
    String before =
        String.format(
            Locale.ROOT,
            "%s %.4f (%.4f to %.4f) without the labels",
            estimate.getString("metric"),
            estimate.getDouble("estimate"),
            low,
            high);
    return truth == null
        ? before + ", which are not known yet."
        : String.format(
            Locale.ROOT,
            "%s, %.4f with them: %s the interval%s.",
            before,
            truth,
            low <= truth && truth <= high ? "inside" : "outside",
            flagged(estimate) ? ", which was flagged" : "");
  }

  /** Whether the estimate itself said that it may be off. */
  private static boolean flagged(Document estimate) {
    return Boolean.TRUE.equals(estimate.getBoolean("drifted"))
        || Boolean.TRUE.equals(estimate.getBoolean("contradicted"));
  }
}
