/** Pure domain of Retune: no I/O, no clock, no randomness that is not passed in. */
@NullMarked
package retune.core;

import org.jspecify.annotations.NullMarked;
