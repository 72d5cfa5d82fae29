/** Verdicts, measured versions and the outcomes of days, as the store keeps them. */
@NullMarked
package retune.judgement;

import org.jspecify.annotations.NullMarked;
