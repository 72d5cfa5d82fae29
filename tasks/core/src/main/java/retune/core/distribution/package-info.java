/** A learned distribution of a table, look-alike rows from it, and how alike they are. */
@NullMarked
package retune.core.distribution;

import org.jspecify.annotations.NullMarked;
