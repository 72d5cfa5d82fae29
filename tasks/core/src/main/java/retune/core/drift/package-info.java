/** Compares a batch with reference rows: how far its columns have moved, and whether by chance. */
@NullMarked
package retune.core.drift;

import org.jspecify.annotations.NullMarked;
