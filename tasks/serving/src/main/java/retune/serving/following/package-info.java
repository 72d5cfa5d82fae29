/** Keeps the loaded version at the champion of a model. */
@NullMarked
package retune.serving.following;

import org.jspecify.annotations.NullMarked;
