package retune.model;

import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.model.ChallengerTraffic.Mode;
import retune.model.Champions.Champion;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.GoldenCheck;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;

/**
 * Starts and ends the traffic of a model's challenger. The pointer in {@code champions} has the
 * traffic that is on; {@code challenger_events} records each start and each end under {@code
 * MODEL/NUMBER/started} and {@code MODEL/NUMBER/ended}.
 */
public final class TrafficControl {
  private static final String EVENTS = "challenger_events";
  private static final String STARTED = "started";
  private static final String ENDED = "ended";

  /**
   * What a call came to.
   *
   * @param modelId the challenger; null where there is none
   * @param mode null where there is none
   * @param fraction share of the requests that it answers, or answered
   * @param changed whether anything was changed
   * @param message what was done, as a sentence
   */
  public record Done(
      @Nullable String modelId,
      @Nullable Mode mode,
      double fraction,
      boolean changed,
      String message) {
    private static Done of(ChallengerTraffic traffic, boolean changed, String message) {
      return new Done(traffic.modelId(), traffic.mode(), traffic.fraction(), changed, message);
    }
  }

  private final StepContext context;
  private final String model;
  private final String task;
  private final Champions champions;
  private final ModelStore models;

  /** The traffic of a model, for a task of a run. */
  public TrafficControl(StepContext context, String model) {
    this(context, model, context.run().eventKey());
  }

  /**
   * The traffic of a model.
   *
   * @param task names the call: one that is made again changes nothing that was changed since
   */
  public TrafficControl(StepContext context, String model, String task) {
    this.context = context;
    this.model = model;
    this.task = task;
    this.champions = new Champions(context.store());
    this.models = new ModelStore(context);
  }

  /**
   * Gives a version traffic beside the champion, or another share to the one that has it.
   *
   * @param fraction share of the requests that it answers; 0 for shadow
   * @throws InvalidInputException if the version cannot stand in for the champion, is barred, or
   *     another version has the traffic
   */
  public Done start(String modelId, double fraction, String by, String reason) {
    Mode mode = ChallengerTraffic.mode(fraction);
    ModelVersion version = models.get(modelId);
    while (true) {
      Champion champion = champions.get(model);
      Optional<Document> earlier = startedByThisTask(champion);
      if (earlier.isPresent()) {
        return new Done(
            earlier.get().getString("model_id"),
            Mode.valueOf(earlier.get().getString("mode").toUpperCase(Locale.ROOT)),
            earlier.get().get("fraction", Number.class).doubleValue(),
            false,
            "This task started %s at %s, and the traffic has ended since; nothing changed."
                .formatted(
                    earlier.get().getString("model_id"), earlier.get().getString("started_at")));
      }
      ChallengerTraffic now = champion.challenger();
      if (now != null && !now.modelId().equals(modelId)) {
        throw new InvalidInputException(
            "%s has the traffic of %s since %s; end that with './retune abort_challenger %s' first."
                .formatted(now.modelId(), model, now.startedAt(), model));
      }
      if (now != null && now.fraction() == fraction) {
        record(champion, now, STARTED, now.by(), now.reason());
        return Done.of(
            now,
            false,
            "%s has that share since %s; nothing changed.".formatted(modelId, now.startedAt()));
      }
      requireComparable(version, champion, mode);
      ChallengerTraffic next =
          new ChallengerTraffic(
              champion.challengers() + 1,
              modelId,
              mode,
              fraction,
              context.clock().instant().truncatedTo(ChronoUnit.MILLIS).toString(),
              by,
              reason,
              task);
      if (champions.startChallenger(champion, next)) {
        record(champion, next, STARTED, by, reason);
        return Done.of(
            next, true, "%s %s, beside %s.".formatted(modelId, next.share(), champion.modelId()));
      }
    }
  }

  /** What this task has started; empty where it has not, or where that traffic is still on. */
  private Optional<Document> startedByThisTask(Champion champion) {
    ChallengerTraffic now = champion.challenger();
    return context.store().events().startingWith(EVENTS, model + "/").stream()
        .filter(event -> event.getString("_id").endsWith("/" + STARTED))
        .filter(event -> task.equals(event.getString("task")))
        .filter(
            event -> now == null || now.number() != event.get("number", Number.class).longValue())
        .findFirst();
  }

  private void requireComparable(ModelVersion version, Champion pointer, Mode mode) {
    String modelId = version.modelId();
    if (!version.modelName().equals(model)) {
      throw new InvalidInputException(
          "%s is a version of %s, not of %s; name a version of that model."
              .formatted(modelId, version.modelName(), model));
    }
    if (modelId.equals(pointer.modelId())) {
      throw new InvalidInputException(
          "%s is the version in production; name another one as its challenger."
              .formatted(modelId));
    }
    Champions.requireNotBarred(pointer, modelId);
    if (mode == Mode.CANARY && models.status(modelId) == VersionStatus.REJECTED) {
      throw new InvalidInputException(
          "%s is rejected, so it answers no users; start it in shadow (fraction 0)."
              .formatted(modelId));
    }
    ModelVersion champion = models.get(pointer.modelId());
    if (!version.target().equals(champion.target())) {
      throw new InvalidInputException(
          "%s answers other classes than %s, the version in production; name a version with the classes %s of '%s'."
              .formatted(
                  modelId,
                  champion.modelId(),
                  champion.target().classes(),
                  champion.target().column()));
    }
    Set<String> lacking = new TreeSet<>(version.preprocessing().rawColumns());
    lacking.removeAll(champion.preprocessing().rawColumns());
    if (!lacking.isEmpty()) {
      throw new InvalidInputException(
          "%s reads %s, which requests for %s, the version in production, do not have; name a version of the same columns."
              .formatted(modelId, lacking, champion.modelId()));
    }
    try (Engine engine = Engines.open(version, models.weights(version))) {
      GoldenCheck.maxDifference(version, engine);
    } catch (InvalidInputException e) {
      throw new InvalidInputException(
          "%s cannot answer requests: %s".formatted(modelId, e.getMessage()), e);
    }
  }

  /**
   * Ends the challenger's traffic. The event is recorded before the traffic ends, so that none ends
   * without one.
   *
   * @param modelId the challenger; null for whichever has traffic
   * @throws InvalidInputException if another version has the traffic
   */
  public Done end(@Nullable String modelId, String by, String reason) {
    while (true) {
      Champion champion = champions.get(model);
      Optional<Document> earlier = endedByThisTask(champion);
      ChallengerTraffic traffic = champion.challenger();
      if (earlier.isPresent() || traffic == null) {
        String message =
            earlier
                .map(
                    event ->
                        "This task ended the traffic of %s at %s; nothing changed."
                            .formatted(event.getString("model_id"), event.getString("timestamp")))
                .orElseGet(
                    () -> "No challenger of %s has traffic; nothing changed.".formatted(model));
        return new Done(
            earlier.map(event -> event.getString("model_id")).orElse(modelId),
            null,
            0,
            false,
            message);
      }
      if (modelId != null && !modelId.equals(traffic.modelId())) {
        throw new InvalidInputException(
            "%s has no traffic; %s has. Name that one, or none."
                .formatted(modelId, traffic.modelId()));
      }
      record(champion, traffic, ENDED, by, reason);
      if (champions.endChallenger(model, traffic)) {
        return Done.of(
            traffic,
            true,
            "The traffic of %s has ended (%s, by %s).".formatted(traffic.modelId(), reason, by));
      }
    }
  }

  /** What this task has ended; empty where it has not, or where that traffic is still on. */
  private Optional<Document> endedByThisTask(Champion champion) {
    ChallengerTraffic now = champion.challenger();
    return context.store().events().startingWith(EVENTS, model + "/").stream()
        .filter(event -> event.getString("_id").endsWith("/" + ENDED))
        .filter(event -> task.equals(event.getString("ended_by_task")))
        .filter(
            event -> now == null || now.number() != event.get("number", Number.class).longValue())
        .findFirst();
  }

  /** Adds the record of a start or an end, unless it is there. */
  private void record(
      Champion champion, ChallengerTraffic traffic, String what, String by, String reason) {
    Document event = traffic.toDocument();
    event
        .append("event_type", "challenger_" + what)
        .append("model", model)
        .append("champion_id", champion.modelId())
        .append("revision", champion.revision())
        .append("by", by)
        .append("reason", reason);
    if (what.equals(ENDED)) {
      event.append("ended_by_task", task);
    }
    event.putAll(Provenance.of(context));
    context
        .store()
        .events()
        .append(EVENTS, "%s/%d/%s".formatted(model, traffic.number(), what), event);
  }
}
