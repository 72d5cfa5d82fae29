/**
 * Disjoint training, validation and hold-out rows: training fits weights, validation chooses among
 * what was fitted, the hold-out judges and does nothing else.
 */
@NullMarked
package retune.core.split;

import org.jspecify.annotations.NullMarked;
