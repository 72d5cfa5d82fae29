/** Models of texts: training of the linear head on TF-IDF weights, without PyTorch. */
@NullMarked
package retune.learning.text;

import org.jspecify.annotations.NullMarked;
