@NullMarked
package retune.serving.querylog;

import org.jspecify.annotations.NullMarked;
