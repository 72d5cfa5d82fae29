package retune.runtime;

/**
 * One step of a pipeline: a record in, a record out. A step is one file with its nested {@code
 * Input} and {@code Output}; whatever else a step needs to be run (flags, JSON, help, exit code,
 * result file) comes from those two declarations.
 *
 * <p>A step says {@link retune.core.InvalidInputException} where its input or the state it finds
 * cannot be used, {@link NotReadyException} where trying later may help; every other exception is a
 * fault of ours, to be retried.
 *
 * @param <I> a record whose components each carry a {@link Field}
 * @param <O> a record whose components each carry a {@link Field}
 */
public interface Step<I extends Record, O extends Record> {
  O run(I input, StepContext context) throws Exception;
}
