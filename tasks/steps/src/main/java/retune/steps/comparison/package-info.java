/** Compares versions on rows of a file or a batch. */
@NullMarked
package retune.steps.comparison;

import org.jspecify.annotations.NullMarked;
