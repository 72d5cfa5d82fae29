/** Models that come from other programs, or go to them. */
@NullMarked
package retune.learning.exchange;

import org.jspecify.annotations.NullMarked;
