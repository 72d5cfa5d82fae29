/** The control service: what the loop did and why, and the calls that steer it. */
@NullMarked
package retune.control;

import org.jspecify.annotations.NullMarked;
