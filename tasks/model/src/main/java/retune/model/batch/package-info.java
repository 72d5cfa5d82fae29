/** A processed batch as models use it: its rows, its split, and what an encoder makes of it. */
@NullMarked
package retune.model.batch;

import org.jspecify.annotations.NullMarked;
