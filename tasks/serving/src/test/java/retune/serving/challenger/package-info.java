@NullMarked
package retune.serving.challenger;

import org.jspecify.annotations.NullMarked;
