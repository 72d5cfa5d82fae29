/** Learning from tables and batches: data, losses, optimisation and what is kept. */
@NullMarked
package retune.learning.training;

import org.jspecify.annotations.NullMarked;
