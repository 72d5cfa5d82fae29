/** Whether a model is good enough, and what an attempt changes when it is not. */
@NullMarked
package retune.core.judgement;

import org.jspecify.annotations.NullMarked;
