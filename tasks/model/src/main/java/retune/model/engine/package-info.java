/** Runs models: encodes rows, then applies the head. The fast path needs no native library. */
@NullMarked
package retune.model.engine;

import org.jspecify.annotations.NullMarked;
