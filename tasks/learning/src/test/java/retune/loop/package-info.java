/** The whole loop, each step in a process of its own, as a scheduler runs it. */
@NullMarked
package retune.loop;

import org.jspecify.annotations.NullMarked;
