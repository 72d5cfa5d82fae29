/**
 * How good a classifier's answers are. Values equal scikit-learn's to 1e-9 (zero_division = 0).
 *
 * <p>{@link retune.core.metrics.Predictions} are the answers beside the truth, {@link
 * retune.core.metrics.Evaluation} is everything measured on them, {@link
 * retune.core.metrics.Metric} names the one that a gate looks at.
 */
@NullMarked
package retune.core.metrics;

import org.jspecify.annotations.NullMarked;
