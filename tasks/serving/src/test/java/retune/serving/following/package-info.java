@NullMarked
package retune.serving.following;

import org.jspecify.annotations.NullMarked;
