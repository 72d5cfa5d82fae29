@NullMarked
package retune.learning.exchange;

import org.jspecify.annotations.NullMarked;
