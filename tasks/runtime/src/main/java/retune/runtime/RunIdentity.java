package retune.runtime;

/**
 * Which run of which DAG a step works for; by hand, {@code dagId} is "manual".
 *
 * @param taskId the task of the DAG, {@code attempt_2.finetune_model}; by hand, the step's name
 * @param tryNumber 1 for the first try of the task
 */
public record RunIdentity(String dagId, String runId, String taskId, int tryNumber) {
  /** The same for every try of the same task: what events are keyed by. */
  public String eventKey() {
    return dagId + "/" + runId + "/" + taskId;
  }
}
