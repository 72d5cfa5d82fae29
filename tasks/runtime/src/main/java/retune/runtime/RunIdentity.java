package retune.runtime;

/**
 * The DAG run and task that a step works for; {@code dagId} is "manual" for a step started by hand.
 *
 * @param taskId the task of the DAG, {@code attempt_2.finetune_model}; the step's name for a step
 *     started by hand
 * @param tryNumber 1 for the first try of the task
 */
public record RunIdentity(String dagId, String runId, String taskId, int tryNumber) {
  /** The key of the task's events; the same for every try. */
  public String eventKey() {
    return dagId + "/" + runId + "/" + taskId;
  }
}
