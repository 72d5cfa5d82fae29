/** Steps that register models and distributions and build steps of your own. */
@NullMarked
package retune.steps.authoring;

import org.jspecify.annotations.NullMarked;
