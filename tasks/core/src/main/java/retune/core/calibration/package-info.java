/** Calibrated probabilities: what a model states agrees with what is observed. */
@NullMarked
package retune.core.calibration;

import org.jspecify.annotations.NullMarked;
