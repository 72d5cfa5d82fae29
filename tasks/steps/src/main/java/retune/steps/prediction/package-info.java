/** Steps that answer rows of a file. */
@NullMarked
package retune.steps.prediction;

import org.jspecify.annotations.NullMarked;
