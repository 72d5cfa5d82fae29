package retune.control;

import com.mongodb.client.model.Filters;
import com.sun.net.httpserver.HttpExchange;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.preprocessing.Preprocessing;
import retune.judgement.AuditTrail;
import retune.model.ChallengerTraffic;
import retune.model.ChallengerTraffic.Mode;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.runtime.http.Answer;
import retune.runtime.http.Route;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import tools.jackson.databind.JsonNode;

/** What the version in production is, how good it is, and whether a retraining is due. */
final class ModelRoutes implements Route.Group {
  private static final LocalDate LAST_DAY = LocalDate.of(9999, 12, 31);
  private static final List<String> PUBLISHED_METRICS =
      List.of("accuracy", "f1_macro", "f1_weighted");

  private final StepContext context;
  private final Models models;
  private final Scheduler scheduler;

  ModelRoutes(StepContext context, Models models, Scheduler scheduler) {
    this.context = context;
    this.models = models;
    this.scheduler = scheduler;
  }

  @Override
  public List<Route> routes() {
    return List.of(
        Route.get("/model/status", (exchange, _) -> modelStatus(models.of(exchange))),
        Route.get("/retrain/metrics", (exchange, _) -> metrics(models.of(exchange))),
        Route.get("/retrain/status", (exchange, _) -> retrainStatus(models.of(exchange))),
        Route.get("/retrain/versions", (exchange, _) -> versions(exchange)));
  }

  private Answer modelStatus(String model) {
    ModelVersion champion = champion(model);
    Optional<Document> weights = weights(champion);
    Retrainings retrainings = new Retrainings(context, model);
    List<Document> ended = retrainings.ended();
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("status", "ok");
    answer.put("model", model);
    answer.put("model_info", info(champion));
    answer.put(
        "retraining_info",
        Fields.of(
            "last_retrain",
            ended.isEmpty() ? null : ended.getLast().getString("timestamp"),
            "next_retrain_recommended",
            retrainings.recommendation().required("recommendation").stringValue(),
            "retrain_count",
            ended.size()));
    answer.put("dataset_info", Fields.of("total_samples", labelled(batches(model))));
    answer.put(
        "model_files",
        Fields.of(
            "exists",
            weights.isPresent(),
            "size_mb",
            weights
                .map(file -> file.get("length", Number.class).longValue())
                .map(bytes -> Math.round(bytes / 1e4) / 1e2)
                .orElse(null),
            "last_modified",
            weights
                .map(file -> file.get("uploadDate", Date.class).toInstant())
                .map(Times::text)
                .orElse(null)));
    Map<String, @Nullable Object> classifier = classifier(champion, weights.isPresent());
    classifier.put("fallback_mode", weights.isEmpty());
    answer.put("classifier_status", classifier);
    answer.put("scheduler_status", scheduler.status(model));
    answer.put("challenger", challenger(new Champions(context.store()).get(model).challenger()));
    return stamped(answer);
  }

  /** The version with traffic beside the champion; null if there is none. */
  private static @Nullable Map<String, @Nullable Object> challenger(
      @Nullable ChallengerTraffic traffic) {
    return traffic == null
        ? null
        : Fields.of(
            "version_id",
            traffic.modelId(),
            "mode",
            traffic.mode().id(),
            "fraction",
            traffic.fraction(),
            "started_at",
            traffic.startedAt(),
            "by",
            traffic.by(),
            "reason",
            traffic.reason());
  }

  /** How many classes it tells apart, and whether its weights are where they are loaded from. */
  private static Map<String, @Nullable Object> classifier(
      ModelVersion champion, boolean hasWeights) {
    return Fields.of(
        "ml_classifier_loaded", hasWeights, "ml_labels_count", champion.target().classes().size());
  }

  private Answer metrics(String model) {
    ModelVersion champion = champion(model);
    Map<String, @Nullable Object> metrics = info(champion);
    metrics.put("model_id", champion.modelId());
    metrics.remove("version");
    metrics.put("training_date", Times.text(champion.madeAt()));
    return stamped(Fields.of("status", "ok", "model", model, "metrics", metrics));
  }

  private Answer retrainStatus(String model) {
    ModelVersion champion = champion(model);
    Retrainings retrainings = new Retrainings(context, model);
    List<Document> ended = retrainings.ended();
    JsonNode due = retrainings.recommendation();
    List<ProcessedBatch> batches = batches(model);
    Instant now = context.clock().instant();
    Instant lastData =
        batches.stream()
            .map(ProcessedBatch::batchId)
            .map(id -> LocalDate.parse(id.substring(id.indexOf('/') + 1)))
            .max(Comparator.naturalOrder())
            .map(day -> day.atStartOfDay(ZoneOffset.UTC).toInstant())
            .orElse(null);
    Map<String, @Nullable Object> status =
        Fields.of(
            "last_retrain",
            ended.isEmpty() ? null : ended.getLast().getString("timestamp"),
            "next_retrain_recommended",
            due.required("recommendation").stringValue(),
            "logged_data_status",
            Fields.of(
                "last_updated",
                lastData == null ? null : Times.text(lastData),
                "days_old",
                lastData == null ? null : days(lastData, now),
                "sample_count",
                due.required("new_samples").longValue()),
            "model_status",
            Fields.of(
                "last_updated",
                Times.text(champion.madeAt()),
                "days_old",
                days(champion.madeAt(), now),
                "exists",
                true),
            "recommendations",
            List.of(due.required("reason").stringValue()));
    return stamped(
        Fields.of(
            "status",
            "ok",
            "model",
            model,
            "retrain_status",
            status,
            "current_model_status",
            classifier(champion, weights(champion).isPresent())));
  }

  private Answer versions(HttpExchange exchange) {
    String model = models.of(exchange);
    Champion champion = new Champions(context.store()).get(model);
    ChallengerTraffic challenger = champion.challenger();
    Map<String, @Nullable Object> versions = new LinkedHashMap<>();
    for (Document version :
        new AuditTrail(context.store()).versions(model, "metrics", "model_version", "status")) {
      String id = version.getString("_id");
      boolean isChampion = id.equals(champion.modelId());
      Mode traffic =
          challenger != null && id.equals(challenger.modelId()) ? challenger.mode() : null;
      versions.put(
          id,
          Fields.of(
              "created",
              version.getString("created_at"),
              "metrics",
              version.get("metrics"),
              "deployed",
              isChampion || traffic == Mode.CANARY,
              "deploy_mode",
              isChampion ? "full" : traffic == null ? null : traffic.id(),
              "model_version",
              version.getString("model_version"),
              "status",
              version.getString("status")));
    }
    return stamped(Fields.of("status", "ok", "model", model, "versions", versions));
  }

  private ModelVersion champion(String model) {
    return new ModelStore(context).get(new Champions(context.store()).get(model).modelId());
  }

  private static Map<String, @Nullable Object> info(ModelVersion version) {
    Map<String, Map<String, Double>> kept = version.metrics();
    Map<String, Double> metrics =
        kept.getOrDefault("test", kept.getOrDefault("validation", Map.of()));
    Map<String, @Nullable Object> info = Fields.of("version", version.modelId());
    PUBLISHED_METRICS.forEach(name -> info.put(name, metrics.get(name)));
    info.put("n_classes", version.target().classes().size());
    info.put("n_features", features(version.preprocessing()));
    info.put("n_samples", trainingRows(version));
    return info;
  }

  /** The number of columns that it reads; of a model of texts, the number of terms. */
  private static int features(Preprocessing preprocessing) {
    return preprocessing.text() == null
        ? preprocessing.rawColumns().size()
        : preprocessing.text().terms().size();
  }

  /** The number of rows that trained the version; null where it was trained elsewhere. */
  private static @Nullable Integer trainingRows(ModelVersion version) {
    Double rows = version.lineage().hyperparameters().get("training_rows");
    return rows == null ? null : rows.intValue();
  }

  private Optional<Document> weights(ModelVersion version) {
    return Optional.ofNullable(
        context
            .store()
            .collection("fs.files")
            .find(Filters.eq(ModelStore.weightsId(version)))
            .first());
  }

  private List<ProcessedBatch> batches(String model) {
    return context.store().processedBatches().between(model, LocalDate.EPOCH, LAST_DAY);
  }

  private static long labelled(List<ProcessedBatch> batches) {
    return batches.stream().mapToLong(ProcessedBatch::labelled).sum();
  }

  private static long days(Instant from, Instant now) {
    return Math.max(0, Duration.between(from, now).toDays());
  }

  private Answer stamped(Map<String, @Nullable Object> answer) {
    answer.put("timestamp", Times.text(context.clock().instant()));
    return Answer.json(answer);
  }
}
