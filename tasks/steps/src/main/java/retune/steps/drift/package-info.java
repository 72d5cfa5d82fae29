/** Compares the inputs of a day with the reference of the model in production. */
@NullMarked
package retune.steps.drift;

import org.jspecify.annotations.NullMarked;
