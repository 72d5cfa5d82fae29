package retune.control;

import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import retune.core.triggers.Trigger;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import tools.jackson.databind.JsonNode;

/** The retrainings of a model, and whether another one is due. */
final class Retrainings {
  private static final String STARTED = "started";
  private static final String CHECK = "check_retraining_trigger";

  private final StepContext context;
  private final String model;

  Retrainings(StepContext context, String model) {
    this.context = context;
    this.model = model;
  }

  /** The events of retrainings that have ended, the oldest first. */
  List<Document> ended() {
    return context.store().events().startingWith("retraining_events", model + "/").stream()
        .filter(event -> !event.getString("status").equals(STARTED))
        .sorted(Comparator.comparing(event -> Instant.parse(event.getString("timestamp"))))
        .toList();
  }

  /** The last decision on a retraining; empty if none was ever taken. */
  Optional<Document> lastDecision() {
    return context.store().events().startingWith("trigger_decisions", model + "/").stream()
        .max(Comparator.comparing(decision -> Instant.parse(decision.getString("timestamp"))));
  }

  /** The triggers of the model's loop, as its last decision had them. */
  List<String> triggers() {
    return lastDecision()
        .map(decision -> decision.getList("triggers", String.class, List.of()))
        .orElse(List.of());
  }

  /** Whether the loop has this trigger, as its last decision had it. */
  boolean has(Trigger trigger) {
    return triggers().contains(trigger.id());
  }

  /** A number of the loop's rules, as its last decision had it. */
  int rule(String name, int byDefault) {
    return lastDecision()
        .map(decision -> decision.get("rules", new Document()).getInteger(name, byDefault))
        .orElse(byDefault);
  }

  /** What {@code check_retraining_trigger} would decide now, without keeping it. */
  JsonNode recommendation() {
    Map<String, JsonNode> inputs = new LinkedHashMap<>();
    inputs.put("model", Json.MAPPER.valueToTree(model));
    inputs.put("triggers", Json.MAPPER.valueToTree(triggers()));
    lastDecision()
        .map(decision -> decision.get("rules", Document.class))
        .ifPresent(
            rules ->
                rules.forEach((name, value) -> inputs.put(name, Json.MAPPER.valueToTree(value))));
    inputs.put("dry_run", Json.MAPPER.valueToTree(true));
    RunIdentity here = new RunIdentity("control", "status", CHECK, 1);
    try {
      return Steps.run(CHECK, inputs, context, here);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(CHECK + " failed", e);
    }
  }
}
