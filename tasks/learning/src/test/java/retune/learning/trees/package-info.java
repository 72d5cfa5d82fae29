@NullMarked
package retune.learning.trees;

import org.jspecify.annotations.NullMarked;
