package retune.runtime;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Describes one component of a step's input or output. An input without a default is required
 * unless it is {@code @Nullable}. Types: String, int, long, double, boolean, LocalDate, enums,
 * Lists and Maps of those, and, in outputs, records.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Field {
  /** The meaning of the value, with its unit. */
  String value();

  /** The default, as typed on the command line; empty for none. */
  String byDefault() default "";

  /** Whether the flag may be omitted on the command line; for one field of a step. */
  boolean positional() default false;

  /** The form that a text must have. */
  Format format() default Format.TEXT;

  /** Forms of text. */
  enum Format {
    TEXT,
    /** At most 100 letters, digits, '.', '_' and '-', a letter or digit first. */
    MODEL_NAME,
    /** What a loop asks of a candidate, see {@link retune.core.judgement.PromotionPolicy}. */
    POLICY
  }

  /** Least value allowed, inclusive; numbers only. */
  double min() default Double.NEGATIVE_INFINITY;

  /** Greatest value allowed, inclusive; numbers only. */
  double max() default Double.POSITIVE_INFINITY;
}
