/**
 * Boosted trees: what they are, the files of the libraries that train them, and how rows run
 * through them.
 */
@NullMarked
package retune.model.trees;

import org.jspecify.annotations.NullMarked;
