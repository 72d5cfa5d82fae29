package retune.runtime;

/**
 * One step of a pipeline: takes a record and returns a record. A step is one file with the nested
 * records {@code Input} and {@code Output}. A step with results of several forms has a sealed
 * interface {@code Output} of one record for each. Its flags, JSON, help, checks and exit codes
 * derive from these declarations.
 *
 * <p>A step throws {@link retune.core.InvalidInputException} for input or state that it cannot use
 * (exit code 50), and {@link NotReadyException} if trying later may help (exit code 20). Any other
 * exception is unexpected and retried (exit code 1).
 *
 * @param <I> a record whose components each carry a {@link Field}
 * @param <O> a record whose components each carry a {@link Field}, or a sealed interface of such
 *     records
 */
public interface Step<I extends Record, O> {
  O run(I input, StepContext context) throws Exception;
}
