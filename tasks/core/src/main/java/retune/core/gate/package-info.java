/** Whether a model is good enough, and what an attempt changes when it is not. */
@NullMarked
package retune.core.gate;

import org.jspecify.annotations.NullMarked;
