package retune.control.dashboard;

import com.mongodb.client.FindIterable;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.VersionStatus;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.statistics.CountedError;
import retune.judgement.AuditTrail;
import retune.judgement.DayOutcome;
import retune.model.ChallengerTraffic;
import retune.model.Champions.Champion;
import retune.runtime.store.DocumentStore;

/**
 * Reads what pages show. Everything is read by ranges of ids; drift reports, which are large, by
 * their ids, because the embedded store answers a range by reading the whole collection.
 */
final class Reading {
  /** Up to so many drift reports are small enough to be read by a range. */
  private static final int FEW_REPORTS = 300;

  /** Ids in one query. */
  private static final int IDS_AT_ONCE = 64;

  private static final double NORMAL_95 = 1.959963984540054;
  private static final String DATE = "logical_date";
  private static final String PARENT = "finetuned_from";
  private static final String ALERT = "alert/";
  private static final String TIMESTAMP = "timestamp";

  private final DocumentStore store;

  Reading(DocumentStore store) {
    this.store = store;
  }

  /**
   * How a day ended: its latest outcome.
   *
   * @param championId the version in production that was judged
   * @param modelId the version to be in production
   * @param value the gate's metric of the version in production, on the rows of the last verdict;
   *     NaN while the day's labels have not matured
   */
  record Day(
      LocalDate date,
      String status,
      String championId,
      String modelId,
      String metric,
      double value,
      double threshold,
      String message,
      String runId,
      @Nullable String runUrl,
      Instant at) {
    private boolean approves() {
      return DayOutcome.Status.ofId(status).approves();
    }

    private static Day of(Document outcome) {
      Document info = outcome.get("retraining_info", Document.class);
      return new Day(
          LocalDate.parse(outcome.getString(DATE)),
          outcome.getString("status"),
          outcome.getString("champion_id"),
          outcome.getString("model_id"),
          info.getString("metric"),
          Objects.requireNonNullElse(info.getDouble("champion_value"), Double.NaN),
          info.getDouble("threshold"),
          outcome.getString("message"),
          outcome.getString("run_id"),
          outcome.getString("run_url"),
          Instant.parse(outcome.getString(TIMESTAMP)));
    }
  }

  /**
   * A value of the gate's metric on a day.
   *
   * @param low end of its 95 % interval; NaN where it has none
   * @param high the other end
   * @param rows of the day; 0 where that is not known
   * @param labelled how many of them have a label
   */
  record Measured(double value, double low, double high, int rows, int labelled) {}

  /**
   * A drift report without its page.
   *
   * @param shift what kind of change it looks like, in words; null where the report does not say
   */
  record Drift(
      String id,
      LocalDate date,
      boolean detected,
      List<String> findings,
      @Nullable String shift,
      int drifted,
      int features,
      Map<String, Feature> byFeature) {
    /**
     * How a feature differs from the reference.
     *
     * @param limit of the PSI, beyond which chance does not take it
     */
    record Feature(double psi, double limit, boolean detected) {}
  }

  /**
   * An outcome that approves a version to follow another one.
   *
   * @param option of {@code deploy_model} that names the outcome
   * @param partition the day, the retraining or the promotion
   */
  record Approval(String modelId, String championId, String option, String partition, Instant at) {
    private static Approval of(Day day) {
      return new Approval(
          day.modelId, day.championId, "--logical-date", day.date.toString(), day.at);
    }

    private static Approval of(Document outcome, String id) {
      return new Approval(
          outcome.getString("model_id"),
          outcome.getString("champion_id"),
          "--retraining",
          outcome.getString(id),
          Instant.parse(outcome.getString(TIMESTAMP)));
    }
  }

  /**
   * The last approval of a version to follow the one in production that still stands, and whose
   * version is not in production.
   *
   * @param days the last ones
   */
  Optional<Approval> undeployed(Champion champion, List<Day> days) {
    String model = champion.model();
    Stream<Approval> byDay = days.stream().filter(Day::approves).map(Approval::of);
    Stream<Approval> byRetraining =
        last("retraining_outcomes", Filters.and(below(model), Filters.eq("approved", true)))
            .map(outcome -> Approval.of(outcome, "retraining_id"))
            .stream();
    Stream<Approval> byPromotion =
        last("challenger_promotions", below(model))
            .map(outcome -> Approval.of(outcome, "promotion_id"))
            .stream();
    return Stream.of(byDay, byRetraining, byPromotion)
        .flatMap(approvals -> approvals)
        .filter(approval -> approval.championId.equals(champion.modelId()))
        .filter(approval -> !approval.modelId.equals(champion.modelId()))
        .filter(approval -> champion.bar(approval.modelId).isEmpty())
        .sorted(Comparator.comparing(Approval::at).reversed())
        .filter(approval -> isApproved(approval.modelId))
        .findFirst();
  }

  /** Whether nothing has followed a version's approval: no deployment, rejection or successor. */
  private boolean isApproved(String modelId) {
    return version(modelId)
        .filter(version -> VersionStatus.APPROVED.id().equals(version.getString("status")))
        .isPresent();
  }

  /** The latest days of a model, the newest first. */
  List<Day> days(String model, int most) {
    // Revisions of a day share its place.
    return latest(find("outcomes", below(model)).sort(Sorts.descending("_id")).limit(2 * most))
        .stream()
        .limit(most)
        .toList();
  }

  /** The days of a model from a date on, the newest first. */
  List<Day> days(String model, LocalDate from) {
    return latest(find("outcomes", below(model, from)));
  }

  private static List<Day> latest(Iterable<Document> outcomes) {
    Map<String, Document> byDate = new TreeMap<>(Comparator.reverseOrder());
    for (Document outcome : outcomes) {
      byDate.merge(
          outcome.getString(DATE),
          outcome,
          (one, other) -> other.getInteger("revision") > one.getInteger("revision") ? other : one);
    }
    return byDate.values().stream().map(Day::of).toList();
  }

  /** What the version in production had on each day, by date and version. */
  Map<String, Measured> measured(String model, LocalDate from, Metric metric) {
    Map<String, Document> latest = new HashMap<>();
    // Ids of versions are the model's name, '-' and a hash; '.' follows '-'.
    for (Document measured :
        find(
                "performance_metrics",
                Filters.and(
                    Filters.gte("_id", model + "-"),
                    Filters.lt("_id", model + "."),
                    Filters.gte("data_path", model + "/" + from),
                    Filters.lt("data_path", model + "0"),
                    Filters.eq("dataset_name", "test")))
            .projection(
                Projections.include(
                    "data_path",
                    "model_id",
                    TIMESTAMP,
                    "positive",
                    "rows",
                    "labelled",
                    "roc_auc_error",
                    "metrics." + metric.id(),
                    "metrics.confusion_matrix"))) {
      latest.merge(
          dateOf(measured) + " " + measured.getString("model_id"), measured, Reading::newer);
    }
    Map<String, Measured> values = new HashMap<>();
    latest.forEach(
        (key, document) -> measured(document, metric).ifPresent(value -> values.put(key, value)));
    return values;
  }

  private static String dateOf(Document document) {
    String path = document.getString("data_path");
    return path.substring(path.indexOf('/') + 1);
  }

  private static Optional<Measured> measured(Document document, Metric metric) {
    Document metrics = document.get("metrics", Document.class);
    if (!(metrics.get(metric.id()) instanceof Double value && Double.isFinite(value))) {
      return Optional.empty();
    }
    double error =
        metric == Metric.ROC_AUC
            ? document.get("roc_auc_error") instanceof Double given ? given : Double.NaN
            : error(document, metrics, metric);
    return Optional.of(
        new Measured(
            value,
            Math.max(0, value - NORMAL_95 * error),
            Math.min(1, value + NORMAL_95 * error),
            document.getInteger("rows", 0),
            document.getInteger("labelled", 0)));
  }

  private static double error(Document document, Document metrics, Metric metric) {
    List<?> rows = metrics.get("confusion_matrix", List.of());
    long[][] counts =
        rows.stream()
            .map(
                row ->
                    ((List<?>) row)
                        .stream().mapToLong(count -> ((Number) count).longValue()).toArray())
            .toArray(long[][]::new);
    return counts.length < 2
        ? Double.NaN
        : CountedError.of(metric, new ConfusionMatrix(counts), document.getInteger("positive", 1));
  }

  /** The drift reports of days, by date. Of several reports on a day, the last. */
  Map<LocalDate, Drift> drift(String model, List<Day> days) {
    List<String> ids =
        days.stream()
            .map(day -> "%s/%s/%s/%s".formatted(model, day.date, day.runId, day.championId))
            .toList();
    List<Document> found = new ArrayList<>();
    for (int from = 0; from < ids.size(); from += IDS_AT_ONCE) {
      List<String> some = ids.subList(from, Math.min(ids.size(), from + IDS_AT_ONCE));
      reports(Filters.in("_id", some)).into(found);
    }
    boolean few = store.collection("drift_reports").estimatedDocumentCount() <= FEW_REPORTS;
    if (few) {
      // Days without labels have a report and no outcome.
      found.clear();
      LocalDate from = days.isEmpty() ? LocalDate.EPOCH : days.getLast().date;
      reports(below(model, from)).into(found);
    }
    Map<String, Document> byDate = new TreeMap<>();
    found.forEach(report -> byDate.merge(report.getString(DATE), report, Reading::newer));
    Map<LocalDate, Drift> drift = new TreeMap<>(Comparator.reverseOrder());
    byDate.values().stream().map(Reading::drift).forEach(report -> drift.put(report.date, report));
    return drift;
  }

  private FindIterable<Document> reports(Bson filter) {
    return find("drift_reports", filter)
        .projection(
            Projections.include(
                DATE,
                TIMESTAMP,
                "overall_drift_detected",
                "findings",
                "shift.reason",
                "feature_drift.total_features",
                "feature_drift.drifted_features",
                "feature_drift.features.feature",
                "feature_drift.features.drift_detected",
                "feature_drift.features.psi.psi",
                "feature_drift.features.psi.limit"));
  }

  private static Drift drift(Document report) {
    Document drift = report.get("feature_drift", Document.class);
    Map<String, Drift.Feature> features = new LinkedHashMap<>();
    for (Document feature : drift.getList("features", Document.class, List.of())) {
      Document psi = feature.get("psi", Document.class);
      features.put(
          feature.getString("feature"),
          new Drift.Feature(
              psi.getDouble("psi"), psi.getDouble("limit"), feature.getBoolean("drift_detected")));
    }
    return new Drift(
        report.getString("_id"),
        LocalDate.parse(report.getString(DATE)),
        report.getBoolean("overall_drift_detected"),
        report.getList("findings", String.class, List.of()),
        report.get("shift", new Document()).getString("reason"),
        drift.getInteger("drifted_features"),
        drift.getInteger("total_features"),
        features);
  }

  /** The last decision about a retraining. */
  Optional<Document> lastTrigger(String model) {
    return last("trigger_decisions", below(model));
  }

  /** The last run of the control service that has ended; none where Airflow runs the loop. */
  Optional<Document> lastRun(String model) {
    return last(
        "control_events", Filters.and(below(model), Filters.eq("event_type", "control_run_ended")));
  }

  /** Events of retrainings, the newest first. */
  List<Document> retrainings(String model, int most) {
    return find("retraining_events", below(model))
        .sort(Sorts.descending(TIMESTAMP))
        .limit(most)
        .into(new ArrayList<>());
  }

  /** The candidates that retrainings trained, the newest first. */
  List<Document> candidates(String model, int most) {
    return find("training_candidates", below(model))
        .projection(Projections.exclude("history", "settings"))
        .sort(Sorts.descending(TIMESTAMP))
        .limit(most)
        .into(new ArrayList<>());
  }

  /** Estimates without labels, by date; of several on a day, the last. */
  Map<LocalDate, Document> estimates(String model, LocalDate from, Metric metric) {
    Map<LocalDate, Document> byDate = new TreeMap<>();
    find(
            "performance_estimates",
            Filters.and(
                Filters.gte("_id", model + "-"),
                Filters.lt("_id", model + "."),
                Filters.gte("data_path", model + "/" + from),
                Filters.lt("data_path", model + "0"),
                Filters.eq("metric", metric.id())))
        .forEach(
            estimate -> byDate.merge(LocalDate.parse(dateOf(estimate)), estimate, Reading::newer));
    return byDate;
  }

  /** The verdicts on a model's versions from a date on, by attempt, the oldest first. */
  List<Document> verdicts(String model, LocalDate from) {
    return find("verdicts", below(model, from))
        .projection(Projections.exclude("metrics", "champion_metrics", "key"))
        .into(new ArrayList<>())
        .stream()
        .sorted(Comparator.comparing(verdict -> verdict.getString(TIMESTAMP)))
        .toList();
  }

  /** The verdicts on a version, the newest first. */
  List<Document> verdictsOn(String model, String modelId) {
    return find("verdicts", Filters.and(below(model), Filters.eq("model_id", modelId)))
        .projection(Projections.exclude("metrics", "champion_metrics", "key"))
        .sort(Sorts.descending(TIMESTAMP))
        .into(new ArrayList<>());
  }

  /** The judgements by the retraining that made a version, the newest first. */
  List<Document> judgementsOn(String model, String modelId) {
    return find("retraining_judgements", Filters.and(below(model), Filters.eq("model_id", modelId)))
        .projection(Projections.exclude("metrics", "champion_metrics"))
        .sort(Sorts.descending(TIMESTAMP))
        .into(new ArrayList<>());
  }

  /** The attempts at fine-tuning from a date on, the oldest first. */
  List<Document> attempts(String model, LocalDate from) {
    return find("attempts", below(model, from)).into(new ArrayList<>()).stream()
        .sorted(Comparator.comparing(attempt -> attempt.getString(TIMESTAMP)))
        .toList();
  }

  /** The last entry of the evidence over days. */
  Optional<Document> lastEvidence(String model) {
    return Optional.ofNullable(
        find("error_ledger", below(model))
            .projection(Projections.exclude("cells", "e_values", "log_wealth"))
            .sort(Sorts.descending("number"))
            .first());
  }

  /** The last entry of the evidence from production about a challenger with traffic. */
  Optional<Document> lastTrafficEvidence(String model) {
    return Optional.ofNullable(
        find("challenger_ledger", below(model))
            .projection(Projections.exclude("cells", "e_values", "log_wealth", "worse_log_wealth"))
            .sort(Sorts.descending("number"))
            .first());
  }

  /** Which days of a challenger's requests wait for labels, as of the last look at them. */
  Optional<Document> trafficWaits(String model, ChallengerTraffic traffic) {
    return Optional.ofNullable(
        find("challenger_waits", Filters.eq("%s/%d".formatted(model, traffic.number()))).first());
  }

  /** Which of these comparisons have a report. */
  List<String> comparisons(List<String> ids) {
    List<String> kept = new ArrayList<>();
    for (int from = 0; from < ids.size(); from += IDS_AT_ONCE) {
      List<String> some = ids.subList(from, Math.min(ids.size(), from + IDS_AT_ONCE));
      find("comparison_reports", Filters.in("_id", some))
          .projection(Projections.include("_id"))
          .forEach(report -> kept.add(report.getString("_id")));
    }
    return kept;
  }

  /** Alerts of a model, the newest first. */
  List<Document> alerts(String model, int most) {
    return find("alerts", below(ALERT + model))
        .sort(Sorts.descending(TIMESTAMP))
        .limit(most)
        .into(new ArrayList<>());
  }

  /** The last alert of a day. */
  Optional<Document> alert(String model, LocalDate day) {
    return last("alerts", below(ALERT + model + "/" + day));
  }

  /** An alert of a model by its id. */
  Optional<Document> alert(String model, String id) {
    return id.startsWith(ALERT + model + "/")
        ? Optional.ofNullable(find("alerts", Filters.eq(id)).first())
        : Optional.empty();
  }

  /** Who acknowledged these alerts, when and why, by the alert's id. */
  Map<String, Document> acknowledgements(List<String> alerts) {
    Map<String, Document> byAlert = new HashMap<>();
    find("alert_acknowledgements", Filters.in("_id", alerts))
        .forEach(given -> byAlert.put(given.getString("_id"), given));
    return byAlert;
  }

  /** Who acknowledged an alert, when and why. */
  Optional<Document> acknowledgement(String alert) {
    return Optional.ofNullable(find("alert_acknowledgements", Filters.eq(alert)).first());
  }

  /** The versions of a model without the models themselves, the newest first. */
  List<Document> versions(String model) {
    return new AuditTrail(store)
        .versions(model, "status", "hyperparameters", "kind", "metrics", PARENT, "notes");
  }

  /** Whether the weights of a version are where services load them from. */
  boolean hasWeights(String modelId) {
    return version(modelId)
        .map(version -> "weights/" + version.getString("weights_hash"))
        .map(id -> find("fs.files", Filters.eq(id)).projection(Projections.include("_id")).first())
        .isPresent();
  }

  /** Rows that services have predicted and logged since a date, by date, the newest first. */
  Map<LocalDate, Long> queries(String model, LocalDate from) {
    Map<LocalDate, Long> rows = new TreeMap<>(Comparator.reverseOrder());
    find("query_logs", below(model, from))
        .projection(Projections.include("date", "rows"))
        .forEach(
            block ->
                rows.merge(
                    LocalDate.parse(block.getString("date")),
                    block.get("rows", Number.class).longValue(),
                    Long::sum));
    return rows;
  }

  /** A version's document without the model itself. */
  Optional<Document> version(String modelId) {
    return Optional.ofNullable(
        find("model_metadata", Filters.eq(modelId))
            .projection(Projections.exclude("model_json"))
            .first());
  }

  /** What a version was made from, the nearest first. One query, however long the line is. */
  List<Document> lineage(Document version) {
    Map<String, Document> byId = new HashMap<>();
    if (version.getString(PARENT) != null) {
      versions(version.getString("model_name")).forEach(one -> byId.put(one.getString("_id"), one));
    }
    List<Document> lineage = new ArrayList<>();
    Document next = byId.remove(version.getString(PARENT));
    while (next != null) {
      lineage.add(next);
      next = byId.remove(next.getString(PARENT));
    }
    return lineage;
  }

  /** The page of a report; empty where there is none. */
  Optional<String> html(String collection, String id) {
    return Optional.ofNullable(
            find(collection, Filters.eq("_id", id)).projection(Projections.include("html")).first())
        .map(report -> report.getString("html"));
  }

  /** The models that have a version in production, by name. */
  List<String> models() {
    return store
        .collection("champions")
        .find()
        .projection(Projections.include("_id"))
        .map(champion -> champion.getString("_id"))
        .into(new ArrayList<>())
        .stream()
        .sorted()
        .toList();
  }

  /** Whether any version is registered. */
  boolean hasVersions() {
    return store.collection("model_metadata").find().projection(Projections.include("_id")).first()
        != null;
  }

  private Optional<Document> last(String collection, Bson filter) {
    return Optional.ofNullable(find(collection, filter).sort(Sorts.descending(TIMESTAMP)).first());
  }

  private FindIterable<Document> find(String collection, Bson filter) {
    return store.collection(collection).find(filter);
  }

  private static Document newer(Document one, Document other) {
    return other.getString(TIMESTAMP).compareTo(one.getString(TIMESTAMP)) > 0 ? other : one;
  }

  /** Ids that begin with the model and a slash, which {@code 0} follows. */
  private static Bson below(String model) {
    return Filters.and(Filters.gte("_id", model + "/"), Filters.lt("_id", model + "0"));
  }

  private static Bson below(String model, LocalDate from) {
    return Filters.and(Filters.gte("_id", model + "/" + from), Filters.lt("_id", model + "0"));
  }
}
