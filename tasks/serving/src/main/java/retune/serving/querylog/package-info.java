/** The query log: what production was asked and answered. */
@NullMarked
package retune.serving.querylog;

import org.jspecify.annotations.NullMarked;
