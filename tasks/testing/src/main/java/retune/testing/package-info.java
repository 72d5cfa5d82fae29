/** The test kit: what a test of a step needs, for Retune's own steps and for yours. */
@NullMarked
package retune.testing;

import org.jspecify.annotations.NullMarked;
