/** Tables as they arrive, and features as a model reads them. */
@NullMarked
package retune.core.data;

import org.jspecify.annotations.NullMarked;
