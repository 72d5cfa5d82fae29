/** PyTorch through DJL: networks as TorchScript, how they run, and the archives they are in. */
@NullMarked
package retune.learning.torch;

import org.jspecify.annotations.NullMarked;
