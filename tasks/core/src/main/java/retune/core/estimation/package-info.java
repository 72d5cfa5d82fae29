/** Estimates of a model's performance on rows whose labels are not known yet. */
@NullMarked
package retune.core.estimation;

import org.jspecify.annotations.NullMarked;
