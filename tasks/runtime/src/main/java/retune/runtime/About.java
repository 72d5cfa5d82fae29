package retune.runtime;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Describes a step for its manual page and for whatever starts it. A step's name is its class name
 * in snake case.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface About {
  /** What the step does, in one or two sentences. */
  String value();

  Pipeline pipeline();

  /**
   * Flags of a command line that works on the project's example: {@code "--model credit-default"}.
   */
  String example();

  /** What the step computes with. */
  Work work() default Work.ROWS;

  /**
   * What a step computes with, from which its class path, its JVM's options and its image follow.
   */
  enum Work {
    /** Reads and writes metadata only; most of its time is its start. */
    METADATA,
    /** Reads or writes rows, and runs no model. */
    ROWS,
    /** Runs a model; one whose encoder is TorchScript needs PyTorch for it. */
    MODEL,
    /** Trains models, or runs steps that do: always has PyTorch. */
    TRAINING
  }

  /** Whether the step has an image; a step that works on source files has none. */
  boolean hasImage() default true;
}
