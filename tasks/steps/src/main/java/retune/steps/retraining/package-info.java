/**
 * The steps of {@code model_retraining}: when a model is trained again, on which rows, and what
 * comes of it.
 */
@NullMarked
package retune.steps.retraining;

import org.jspecify.annotations.NullMarked;
