/** The steps of the data pipeline: generate or ingest a day's rows and turn them into features. */
@NullMarked
package retune.steps.data;

import org.jspecify.annotations.NullMarked;
