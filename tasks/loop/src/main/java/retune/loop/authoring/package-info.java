/** A new loop from a table: model, distribution, report and loop file. */
@NullMarked
package retune.loop.authoring;

import org.jspecify.annotations.NullMarked;
