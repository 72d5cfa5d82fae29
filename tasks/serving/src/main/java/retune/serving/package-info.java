/** The prediction service: a champion's answers over HTTP. */
@NullMarked
package retune.serving;

import org.jspecify.annotations.NullMarked;
