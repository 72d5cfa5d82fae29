/** The prediction service: serves a model's champion over HTTP. */
@NullMarked
package retune.serving;

import org.jspecify.annotations.NullMarked;
