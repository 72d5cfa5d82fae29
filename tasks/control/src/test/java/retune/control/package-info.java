@NullMarked
package retune.control;

import org.jspecify.annotations.NullMarked;
