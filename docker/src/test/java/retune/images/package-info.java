@NullMarked
package retune.images;

import org.jspecify.annotations.NullMarked;
