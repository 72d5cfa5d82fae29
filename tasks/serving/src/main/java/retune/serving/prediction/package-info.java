/** From the rows of a request to the predictions of the loaded version. */
@NullMarked
package retune.serving.prediction;

import org.jspecify.annotations.NullMarked;
