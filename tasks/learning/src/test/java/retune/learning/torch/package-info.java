@NullMarked
package retune.learning.torch;

import org.jspecify.annotations.NullMarked;
