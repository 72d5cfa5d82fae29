/** What each attempt at fine-tuning does. */
@NullMarked
package retune.core.finetuning;

import org.jspecify.annotations.NullMarked;
