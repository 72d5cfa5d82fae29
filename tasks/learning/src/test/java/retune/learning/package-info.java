@NullMarked
package retune.learning;

import org.jspecify.annotations.NullMarked;
