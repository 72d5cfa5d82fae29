/** Steps of the evaluation pipeline. */
@NullMarked
package retune.steps.evaluation;

import org.jspecify.annotations.NullMarked;
