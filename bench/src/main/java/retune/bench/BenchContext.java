package retune.bench;

import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;
import retune.runtime.Json;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.Steps;
import retune.runtime.store.DocumentStore;
import tools.jackson.databind.JsonNode;

/** What steps have in a benchmark: no progress is told, and nothing stops them. */
record BenchContext(RunIdentity run, DocumentStore store, Settings settings, Clock clock)
    implements StepContext {
  @Override
  public void progress(String what, long done, long total) {}

  @Override
  public void onStop(Runnable stop) {}

  /** Runs a step in this process and returns its result. */
  JsonNode step(String step, Map<String, ?> inputs) throws Exception {
    Map<String, JsonNode> values = new LinkedHashMap<>();
    inputs.forEach((name, value) -> values.put(name, Json.MAPPER.valueToTree(value)));
    return Steps.run(step, values, this, run);
  }
}
