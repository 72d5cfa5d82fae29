package retune.model;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoWriteException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.Sorts;
import com.mongodb.client.model.Updates;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.model.ModelVersion.Lineage;
import retune.runtime.StepContext;
import retune.runtime.store.Blobs;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Provenance;

/**
 * Registered model versions: {@code model_metadata}, and their weights in GridFS. A document's
 * {@code model_json} is the version exactly as in its file form. The other fields repeat parts of
 * it for people and dashboards.
 */
public final class ModelStore {
  private static final String COLLECTION = "model_metadata";
  private static final String MODEL_JSON = "model_json";
  private static final String STATUS = "status";
  private static final String STATUS_HISTORY = "status_history";

  /** The latest revision of the champion's pointer that moved the status. */
  private static final String CHAMPION_REVISION = "champion_revision";

  private final MongoCollection<Document> documents;
  private final Blobs blobs;
  private final Clock clock;
  private final Document provenance;

  /** Versions that this object has read; their ids name their content, so they never change. */
  private final Map<String, ModelVersion> read = new ConcurrentHashMap<>();

  public ModelStore(DocumentStore store) {
    this(store, Clock.systemUTC());
  }

  /** The versions in a step's store; what the step changes says that it was this step. */
  public ModelStore(StepContext context) {
    this(context.store(), context.clock(), Provenance.of(context));
  }

  /**
   * A store of versions.
   *
   * @param clock for {@code created_at} and {@code updated_at}
   */
  public ModelStore(DocumentStore store, Clock clock) {
    this(store, clock, new Document());
  }

  private ModelStore(DocumentStore store, Clock clock, Document provenance) {
    this.documents = store.collection(COLLECTION);
    this.blobs = store.blobs();
    this.clock = clock;
    this.provenance = provenance;
  }

  /** The blob id of a version's weights: {@code weights/} and their hash. */
  public static String weightsId(ModelVersion version) {
    return "weights/" + version.weightsHash();
  }

  /**
   * Registers weights, then the version; one with the same id stays as it is, but weights that are
   * lost or damaged are stored again. The record of a version that contains code says so; whoever
   * registers one has made sure that the code is trusted ({@link CodeTrust}).
   *
   * @return whether the version was new
   */
  public boolean register(ModelVersion version, Weights weights, VersionStatus status) {
    version.checkWeights(weights, "The weights given for " + version.modelId());
    if (!hasWeights(version)) {
      blobs.put(weightsId(version), Safetensors.write(weights));
    }
    Document document = document(version, status);
    if (weights.containsCode()) {
      document.append("runs_code", true).append("code_trusted_at", document.get("created_at"));
    }
    try {
      documents.insertOne(document);
      return true;
    } catch (MongoWriteException e) {
      if (e.getError().getCategory() != ErrorCategory.DUPLICATE_KEY) {
        throw e;
      }
      return false;
    }
  }

  public Optional<ModelVersion> find(String modelId) {
    return Optional.ofNullable(read.computeIfAbsent(modelId, this::load));
  }

  private @Nullable ModelVersion load(String modelId) {
    Document document = documents.find(Filters.eq(modelId)).first();
    if (document == null) {
      return null;
    }
    String source = COLLECTION + "/" + modelId;
    ModelVersion version = ModelJson.read(document.getString(MODEL_JSON), source);
    version.checkId(source);
    return version;
  }

  /** The version; throws an {@link InvalidInputException} if there is none. */
  public ModelVersion get(String modelId) {
    return find(modelId).orElseThrow(() -> unknown(modelId));
  }

  /**
   * What the version and all that it was made from were trained on, as far as these are registered:
   * {@link Lineage#contents} of each.
   */
  public Set<String> trainedOn(ModelVersion version) {
    Set<String> trainedOn = new HashSet<>();
    Optional<ModelVersion> next = Optional.of(version);
    while (next.isPresent()) {
      Lineage lineage = next.get().lineage();
      trainedOn.addAll(lineage.contents());
      next = Optional.ofNullable(lineage.finetunedFrom()).flatMap(this::find);
    }
    return trainedOn;
  }

  /**
   * The version's weights.
   *
   * @throws InvalidInputException if they are missing or have changed since the registration
   */
  public Weights weights(ModelVersion version) {
    String id = weightsId(version);
    byte[] bytes;
    try {
      bytes =
          blobs
              .get(id)
              .orElseThrow(
                  () -> new InvalidInputException(lostWeights(version, "are not in the store")));
    } catch (Blobs.DamagedException e) {
      throw new InvalidInputException(
          lostWeights(version, "are damaged (" + e.getMessage() + ")"), e);
    }
    Weights weights = Safetensors.read(bytes, id);
    version.checkWeights(weights, id + " of " + version.modelId());
    return weights;
  }

  /** The ids of the model's versions that were ever approved, the newest first. */
  public List<String> onceApproved(String modelName) {
    return ofStatus(modelName, VersionStatus::wasApproved);
  }

  /** The ids of the model's versions that an evaluation left undecided, the newest first. */
  public List<String> challengers(String modelName) {
    return ofStatus(modelName, status -> status == VersionStatus.CHALLENGER);
  }

  private List<String> ofStatus(String modelName, Predicate<VersionStatus> wanted) {
    List<String> statuses =
        Stream.of(VersionStatus.values()).filter(wanted).map(VersionStatus::id).toList();
    return documents
        .find(Filters.and(Filters.eq("model_name", modelName), Filters.in("status", statuses)))
        .projection(Projections.include("model_version"))
        .sort(Sorts.orderBy(Sorts.descending("model_version"), Sorts.ascending("_id")))
        .map(document -> document.getString("_id"))
        .into(new ArrayList<>());
  }

  public VersionStatus status(String modelId) {
    return VersionStatus.ofId(fields(modelId, STATUS).getString(STATUS));
  }

  private Document fields(String modelId, String... names) {
    Document document =
        documents.find(Filters.eq(modelId)).projection(Projections.include(names)).first();
    if (document == null) {
      throw unknown(modelId);
    }
    return document;
  }

  /**
   * Moves the version's status by the event and keeps the note beside it; an {@link
   * InvalidInputException} where {@link VersionStatus} has no such move. A move to another status
   * adds an entry to {@code status_history}, in the same write. Of several movers at once each sees
   * the status that the one before it left.
   */
  public void move(String modelId, VersionStatus.Event event, String note) {
    boolean done = false;
    while (!done) {
      VersionStatus before = status(modelId);
      Bson unmoved = Filters.eq(STATUS, before.id());
      done = change(modelId, unmoved, moves(before, before.after(event, modelId), note));
    }
  }

  /**
   * The same, as a revision of the champion's pointer demands it. Does nothing if a later revision
   * has moved the status already, so that a process that was overtaken cannot undo what happened
   * since.
   */
  public void move(String modelId, VersionStatus.Event event, String note, long revision) {
    boolean done = false;
    while (!done) {
      Document document = fields(modelId, STATUS, CHAMPION_REVISION);
      Number last = document.get(CHAMPION_REVISION, Number.class);
      if (last != null && last.longValue() > revision) {
        return;
      }
      VersionStatus before = VersionStatus.ofId(document.getString(STATUS));
      Bson unmoved =
          Filters.and(Filters.eq(STATUS, before.id()), Filters.eq(CHAMPION_REVISION, last));
      List<Bson> changes = moves(before, before.after(event, modelId), note);
      changes.add(Updates.set(CHAMPION_REVISION, revision));
      done = change(modelId, unmoved, changes);
    }
  }

  private List<Bson> moves(VersionStatus before, VersionStatus after, String note) {
    List<Bson> changes = new ArrayList<>();
    changes.add(Updates.set(STATUS, after.id()));
    changes.add(Updates.set("notes", note));
    changes.add(Updates.set("updated_at", now()));
    if (after != before) {
      changes.add(Updates.push(STATUS_HISTORY, moved(before.id(), after, note)));
    }
    return changes;
  }

  private boolean change(String modelId, Bson unmoved, List<Bson> changes) {
    return documents
            .updateOne(Filters.and(Filters.eq(modelId), unmoved), Updates.combine(changes))
            .getMatchedCount()
        == 1;
  }

  private Document moved(@Nullable String from, VersionStatus to, String reason) {
    Document move =
        new Document("from", from)
            .append("to", to.id())
            .append("reason", reason)
            .append("timestamp", now());
    move.putAll(provenance);
    return move;
  }

  /** The ids of the model's versions whose status is deployed. */
  public List<String> deployed(String modelName) {
    return documents
        .find(
            Filters.and(
                Filters.eq("model_name", modelName),
                Filters.eq(STATUS, VersionStatus.DEPLOYED.id())))
        .projection(Projections.include(STATUS))
        .map(document -> document.getString("_id"))
        .into(new ArrayList<>());
  }

  private boolean hasWeights(ModelVersion version) {
    try {
      return blobs.get(weightsId(version)).isPresent();
    } catch (Blobs.DamagedException e) {
      return false;
    }
  }

  private Document document(ModelVersion version, VersionStatus status) {
    Lineage lineage = version.lineage();
    Document hyperparameters =
        new Document("finetuned_from", lineage.finetunedFrom())
            .append("finetune_epochs", lineage.epochs())
            .append("finetune_lr", lineage.learningRate())
            .append("strategy", lineage.strategy());
    hyperparameters.putAll(lineage.hyperparameters());
    Map<String, Map<String, Double>> metrics = version.metrics();
    String now = now();
    return new Document("_id", version.modelId())
        .append("model_name", version.modelName())
        .append("model_path", weightsId(version))
        .append("model_version", version.modelVersion())
        .append("model_format", ModelJson.FORMAT)
        .append("kind", version.kind().name().toLowerCase(Locale.ROOT))
        .append("hyperparameters", hyperparameters)
        .append("finetuned_from", lineage.finetunedFrom())
        .append("finetune_epochs", lineage.epochs())
        .append("finetune_lr", lineage.learningRate())
        .append("trained_on", lineage.trainedOn())
        .append(
            "metrics",
            new Document(
                Map.copyOf(
                    metrics.getOrDefault("test", metrics.getOrDefault("validation", Map.of())))))
        .append("calibration", calibration(version))
        .append("weights_hash", version.weightsHash())
        .append("encoder_hash", version.encoderHash())
        .append(STATUS, status.id())
        .append(STATUS_HISTORY, List.of(moved(null, status, "Registered")))
        .append("created_at", now)
        .append("updated_at", now)
        .append("notes", "")
        .append(MODEL_JSON, ModelJson.write(version));
  }

  /** How the probabilities are calibrated, with the numbers before and after; null if not. */
  private static @Nullable Document calibration(ModelVersion version) {
    ModelVersion.Calibration calibration = version.calibration();
    return calibration == null
        ? null
        : new Document("method", calibration.calibrator().id())
            .append("fitted_on", calibration.fittedOn())
            .append("rows", calibration.rows())
            .append("uncalibrated_threshold", calibration.uncalibratedThreshold())
            .append("metrics", new Document(Map.copyOf(version.calibrationMetrics())));
  }

  private String now() {
    return Instant.now(clock).truncatedTo(ChronoUnit.MILLIS).toString();
  }

  private static String lostWeights(ModelVersion version, String how) {
    return "The weights of "
        + version.modelId()
        + " with the hash "
        + version.weightsHash()
        + " "
        + how
        + "; register the version again from its folder.";
  }

  private static InvalidInputException unknown(String modelId) {
    return new InvalidInputException(
        "There is no model version '" + modelId + "'; register it with register_model.");
  }
}
