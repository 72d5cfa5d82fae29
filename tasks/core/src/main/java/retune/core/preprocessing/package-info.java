/** From raw columns to features, with statistics fitted once on training rows. */
@NullMarked
package retune.core.preprocessing;

import org.jspecify.annotations.NullMarked;
