@NullMarked
package retune.learning.training;

import org.jspecify.annotations.NullMarked;
