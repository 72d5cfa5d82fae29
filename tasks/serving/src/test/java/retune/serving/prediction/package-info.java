@NullMarked
package retune.serving.prediction;

import org.jspecify.annotations.NullMarked;
