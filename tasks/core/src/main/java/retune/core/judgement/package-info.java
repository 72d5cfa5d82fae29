/** The gate, its verdicts, and the status of a version. */
@NullMarked
package retune.core.judgement;

import org.jspecify.annotations.NullMarked;
