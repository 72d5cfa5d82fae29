/** Boosted trees: how XGBoost trains them on the rows of a day. */
@NullMarked
package retune.learning.trees;

import org.jspecify.annotations.NullMarked;
