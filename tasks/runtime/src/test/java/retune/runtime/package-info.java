@NullMarked
package retune.runtime;

import org.jspecify.annotations.NullMarked;
