/**
 * Imports models that were made elsewhere: PyTorch state dicts, TorchScript archives and
 * safetensors, read as data. No code in a file is run here.
 */
@NullMarked
package retune.model.importing;

import org.jspecify.annotations.NullMarked;
