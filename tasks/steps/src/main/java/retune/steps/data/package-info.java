/** The steps of the data pipeline: take a day's rows from a source and turn them into features. */
@NullMarked
package retune.steps.data;

import org.jspecify.annotations.NullMarked;
