@NullMarked
package retune.serving;

import org.jspecify.annotations.NullMarked;
