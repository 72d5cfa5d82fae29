/** Steps that explain what was decided. */
@NullMarked
package retune.steps.audit;

import org.jspecify.annotations.NullMarked;
