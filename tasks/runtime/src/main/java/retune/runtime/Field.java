package retune.runtime;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * One component of a step's input or output. An input without a default is required unless the
 * component is {@code @Nullable}. Components are of type String, int, long, double, boolean,
 * LocalDate, an enum, a List or Map of those, or (outputs) a record.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Field {
  /** What it is, with its unit. */
  String value();

  /** The value where none is given, as it would be typed on the command line; empty for none. */
  String byDefault() default "";

  /** Whether the value may also stand on the command line without its flag; one field of a step. */
  boolean positional() default false;

  /** Least value allowed, inclusive; numbers only. */
  double min() default Double.NEGATIVE_INFINITY;

  /** Greatest value allowed, inclusive; numbers only. */
  double max() default Double.POSITIVE_INFINITY;
}
