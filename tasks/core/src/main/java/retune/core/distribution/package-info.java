/** Learns the distribution of a table, generates similar rows and measures their similarity. */
@NullMarked
package retune.core.distribution;

import org.jspecify.annotations.NullMarked;
