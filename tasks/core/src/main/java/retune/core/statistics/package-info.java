/**
 * How sure a measured value is: standard errors, confidence intervals and tests for the metrics of
 * {@link retune.core.metrics}, of one classifier or of two on the same rows.
 */
@NullMarked
package retune.core.statistics;

import org.jspecify.annotations.NullMarked;
