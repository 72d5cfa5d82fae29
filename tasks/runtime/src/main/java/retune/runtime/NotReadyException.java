package retune.runtime;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Something that the step needs does not exist yet (a store, a batch, a version): try again later.
 */
public final class NotReadyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public NotReadyException(String message) {
    super(message);
  }

  public NotReadyException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * Names the shards that a step needs before it can merge them.
   *
   * @param of the batch that the shards belong to
   * @param missing indices of the missing shards, at least one
   */
  public static NotReadyException missingShards(
      String step, String of, List<Integer> missing, int shards) {
    return new NotReadyException(
        "'%s' lacks shard %s of %d, counted from 0; run %s with --shards %d --shard %d and otherwise"
                .formatted(
                    of,
                    missing.stream().map(String::valueOf).collect(Collectors.joining(", ")),
                    shards,
                    step,
                    shards,
                    missing.getFirst())
            + " the same inputs.");
  }
}
