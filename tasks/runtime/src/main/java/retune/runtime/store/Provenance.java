package retune.runtime.store;

import java.util.List;
import java.util.Locale;
import org.bson.Document;
import retune.runtime.RunIdentity;
import retune.runtime.StepContext;

/** The run that wrote a document, who started it, and the code that it ran. */
public final class Provenance {
  private static final List<String> KNOWN_FROM_SETTINGS =
      List.of("run_url", "started_by", "code_revision", "step_image");

  private Provenance() {}

  /**
   * {@code dag_id}, {@code run_id} and {@code task_id}; and, where the settings {@code RETUNE_…} of
   * these names give them, {@code run_url}, {@code started_by}, {@code code_revision} and {@code
   * step_image}.
   */
  public static Document of(StepContext context) {
    RunIdentity run = context.run();
    Document document =
        new Document("dag_id", run.dagId())
            .append("run_id", run.runId())
            .append("task_id", run.taskId());
    for (String name : KNOWN_FROM_SETTINGS) {
      context
          .settings()
          .find("RETUNE_" + name.toUpperCase(Locale.ROOT))
          .ifPresent(value -> document.append(name, value));
    }
    return document;
  }
}
