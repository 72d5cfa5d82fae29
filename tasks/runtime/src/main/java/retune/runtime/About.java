package retune.runtime;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** What a step does, for its manual page. The step's name is its class name in snake case. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface About {
  /** What the step does, in one or two sentences. */
  String value();

  Pipeline pipeline();

  /**
   * A command line that works on the example, without the program's name: {@code "--model
   * credit-default"}.
   */
  String example();

  /**
   * Whether the step never sees a row: then its start is most of its work, and neither vectors nor
   * the optimising compiler would pay.
   */
  boolean keepsBooks() default false;

  /** Whether there is an image of it; a step for the place where the sources are has none. */
  boolean hasImage() default true;
}
