/** A processed batch as models use it: its rows, its split and its encoded features. */
@NullMarked
package retune.model.batch;

import org.jspecify.annotations.NullMarked;
