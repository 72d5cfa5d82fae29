/** Steps that a user writes: built here, run like any other. */
@NullMarked
package retune.steps.own;

import org.jspecify.annotations.NullMarked;
