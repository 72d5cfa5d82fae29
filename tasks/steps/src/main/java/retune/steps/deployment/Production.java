package retune.steps.deployment;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus.Event;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.DeploymentFolder;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.RunIdentity;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;
import retune.steps.notification.Notification;
import retune.steps.notification.Notification.Severity;
import retune.steps.notification.Notifier;

/**
 * A model's production. After the champion's pointer has moved, {@link #complete} makes everything
 * else agree with it: the statuses follow, the files are written and their marker flipped, the
 * record is made, and last the champion is marked as deployed. Until that mark, a second run does
 * what is still missing.
 */
final class Production {
  /** Who rolls back automatically. */
  static final String VERIFICATION = "verify_deployment";

  private static final String EVENTS = "deployment_events";

  private final StepContext context;
  private final String model;
  final ModelStore models;
  final Champions champions;

  Production(StepContext context, String model) {
    this.context = context;
    this.model = model;
    this.models = new ModelStore(context);
    this.champions = new Champions(context.store());
  }

  /**
   * What a completed move left.
   *
   * @param path the exported folder, or the id of the weights in the store
   * @param deployedAt ISO 8601 UTC
   * @param changed whether anything was missing
   */
  record Completed(String path, String deployedAt, boolean changed) {}

  Champion champion() {
    return champions.get(model);
  }

  /** Who asks: as given, else whoever started the run. */
  static String by(@Nullable String given, StepContext context) {
    return Optional.ofNullable(given)
        .or(() -> context.settings().find("RETUNE_STARTED_BY"))
        .orElse("an unnamed person");
  }

  /** A person's reason without its full stop, to stand within a sentence. */
  static String clause(String reason) {
    return reason.endsWith(".") ? reason.substring(0, reason.length() - 1) : reason;
  }

  /** The version of the model and its weights. */
  ModelFolder.Content content(String modelId) {
    ModelVersion version = version(modelId);
    return new ModelFolder.Content(version, models.weights(version));
  }

  private ModelVersion version(String modelId) {
    ModelVersion version = models.get(modelId);
    if (!version.modelName().equals(model)) {
      throw new InvalidInputException(
          "%s is a version of %s, not of %s; name a version of that model."
              .formatted(modelId, version.modelName(), model));
    }
    return version;
  }

  /**
   * Does whatever is missing after the pointer has moved to the champion.
   *
   * @param record makes the record, given the path; called again by each try until the mark is set
   */
  Completed complete(Champion champion, ModelFolder.Content content, Consumer<String> record)
      throws IOException {
    if (!champion.deployed()) {
      settle(champion);
    }
    Optional<Path> folder = context.settings().deploymentFolder();
    boolean exported = folder.isPresent() && export(folder.get(), content, champion);
    String path =
        folder.isPresent()
            ? new DeploymentFolder(folder.get(), model).path(content.version()).toString()
            : ModelStore.weightsId(content.version());
    String deployedAt = champion.deployedAt();
    if (deployedAt != null) {
      return new Completed(path, deployedAt, exported);
    }
    record.accept(path);
    Instant now = now();
    if (!champions.markDeployed(champion, now)) {
      throw overtaken(champion());
    }
    return new Completed(path, now.toString(), true);
  }

  /** The record of the rollback that a task has made. */
  Optional<Document> rollbackBy(RunIdentity run) {
    return context.store().events().startingWith(EVENTS, rollbackId("")).stream()
        .filter(
            event ->
                run.dagId().equals(event.get("dag_id"))
                    && run.runId().equals(event.get("run_id"))
                    && run.taskId().equals(event.get("task_id")))
        .findFirst();
  }

  private String rollbackId(Object revision) {
    return "rollback/%s/%s".formatted(model, revision);
  }

  /** Replaces the record that an earlier try of the same task made. */
  void record(String id, Document event) {
    context.store().events().record(EVENTS, id, withProvenance(event));
  }

  /** Adds a record that never changes. */
  void append(String id, Document event) {
    context.store().events().append(EVENTS, id, withProvenance(event));
  }

  private Document withProvenance(Document event) {
    event.putAll(Provenance.of(context));
    return event;
  }

  /**
   * Puts an earlier version back into production and bars the champion.
   *
   * <p>The earlier version has the status deployed before the pointer names it, so that whoever
   * follows the pointer may serve it at once.
   *
   * @return the pointer, which names that version, also where someone else rolled back to it at the
   *     same time; others see it before {@link #completeRollback}
   * @throws InvalidInputException if the version was never approved, is barred or fails its
   *     validation, or the pointer has moved to another one since
   */
  Champion rollBack(Champion champion, String modelId, String by, String reason) {
    Champions.requireNotBarred(champion, modelId);
    models.status(version(modelId).modelId()).after(Event.RESTORE, modelId);
    new ValidateModel().run(new ValidateModel.Input(modelId), context);
    Bar bar =
        new Bar(
            champion.modelId(),
            champion.revision() + 1,
            by,
            clause(reason),
            context.run().eventKey(),
            now().toString());
    models.move(modelId, Event.RESTORE, note(bar, modelId), bar.revision());
    if (champions.rollBack(champion, modelId, bar)) {
      return champion.rolledBackTo(modelId, bar);
    }
    Champion now = champion();
    settle(now);
    if (now.modelId().equals(modelId) && now.rollback().isPresent()) {
      return now;
    }
    throw new InvalidInputException(
        now.move() + " meanwhile; roll back again if that is still needed.");
  }

  /** What a completed rollback left, and how people were told. */
  record RolledBack(Completed completed, String message, Map<String, String> delivered) {}

  /** Does whatever is missing after {@link #rollBack}; the record and the message come once. */
  RolledBack completeRollback(Champion champion, Bar bar) throws IOException {
    ModelFolder.Content content = content(champion.modelId());
    ModelVersion version = content.version();
    String id = rollbackId(bar.revision());
    String message =
        "%s is rolled back from %s to %s by %s: %s. %s is barred from production until it is released."
            .formatted(
                model, bar.modelId(), champion.modelId(), bar.by(), bar.reason(), bar.modelId());
    Map<String, String> delivered = new LinkedHashMap<>();
    Completed completed =
        complete(
            champion,
            content,
            path -> {
              append(
                  id,
                  new Document("event_type", "model_rolled_back")
                      .append("model", model)
                      .append("model_id", version.modelId())
                      .append("model_version", version.modelVersion())
                      .append("previous_model_id", bar.modelId())
                      .append("deployment_path", path)
                      .append("status", "rolled_back")
                      .append("by", bar.by())
                      .append("reason", bar.reason())
                      .append("revision", bar.revision()));
              boolean automatic = bar.by().equals(VERIFICATION);
              delivered.putAll(
                  tell(id, automatic ? Severity.CRITICAL : Severity.INFO, version, message));
            });
    return new RolledBack(completed, message, delivered);
  }

  /** Tells people about the model's rollback; the result is by channel. */
  Map<String, String> tell(String id, Severity severity, ModelVersion version, String message) {
    Map<String, String> details = new LinkedHashMap<>();
    details.put("model", model);
    details.put("run_id", context.run().runId());
    context.settings().find("RETUNE_RUN_URL").ifPresent(url -> details.put("run_url", url));
    return new Notifier(context)
        .send(
            new Notification(
                id,
                "model_rolled_back",
                severity,
                context.clock().instant(),
                version.modelId(),
                version.modelVersion(),
                message,
                details));
  }

  /** The sentence for whoever finds the pointer moved. */
  static InvalidInputException overtaken(Champion champion) {
    return new InvalidInputException(
        champion.move() + " meanwhile; evaluate again before deploying another version.");
  }

  private static String note(Bar bar, String to) {
    return "Rolled back from %s to %s by %s: %s"
        .formatted(bar.modelId(), to, bar.by(), bar.reason());
  }

  /**
   * Makes the statuses follow the pointer; where it moves meanwhile, they follow that move too, in
   * case whoever moved it has died.
   */
  private void settle(Champion champion) {
    Champion settled = champion;
    follow(settled);
    Champion now = champion();
    while (now.revision() != settled.revision()) {
      settled = now;
      follow(settled);
      now = champion();
    }
    if (settled.revision() != champion.revision()) {
      throw overtaken(settled);
    }
  }

  private void follow(Champion champion) {
    Set<String> replaced = new TreeSet<>(models.deployed(model));
    Optional.ofNullable(champion.previousModelId()).ifPresent(replaced::add);
    replaced.remove(champion.modelId());
    Optional<String> note = champion.rollback().map(bar -> note(bar, champion.modelId()));
    String replacedNote = note.orElse("Followed by " + champion.modelId());
    for (String modelId : replaced) {
      models.move(modelId, Event.RETIRE, replacedNote, champion.revision());
    }
    models.move(
        champion.modelId(), Event.DEPLOY, note.orElse("In production"), champion.revision());
  }

  /**
   * Writes the folder. Where the champion was followed while this ran, its follower's files may
   * have been put out of their place just now: then they are written again.
   */
  private boolean export(Path folder, ModelFolder.Content content, Champion champion)
      throws IOException {
    boolean changed = new DeploymentFolder(folder, model).export(content, champion);
    Champion now = champion();
    if (now.revision() != champion.revision()) {
      export(folder, content(now.modelId()), now);
      throw overtaken(now);
    }
    return changed;
  }

  private Instant now() {
    return context.clock().instant().truncatedTo(ChronoUnit.MILLIS);
  }
}
