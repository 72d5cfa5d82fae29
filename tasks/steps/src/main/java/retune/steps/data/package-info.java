/** Steps of the data pipeline. */
@NullMarked
package retune.steps.data;

import org.jspecify.annotations.NullMarked;
