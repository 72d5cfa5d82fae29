/** What XGBoost trains: boosted trees, and a linear model to compare a first model with. */
@NullMarked
package retune.learning.trees;

import org.jspecify.annotations.NullMarked;
