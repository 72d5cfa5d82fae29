/** Gradients: fine-tuning, training and pre-training with PyTorch through DJL. */
@NullMarked
package retune.learning;

import org.jspecify.annotations.NullMarked;
