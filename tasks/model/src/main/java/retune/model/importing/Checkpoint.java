package retune.model.importing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SortedMap;
import retune.model.Tensor;

/**
 * The tensors of a file, by the names that they have there. The file is a state dict ({@code .pth},
 * {@code .pt}), a TorchScript archive or safetensors.
 */
interface Checkpoint extends AutoCloseable {
  /**
   * A tensor's description, without its numbers.
   *
   * @param shape length of each dimension, outermost first
   */
  record Entry(int[] shape, ElementType type) {
    @Override
    public String toString() {
      return Arrays.toString(shape) + " of " + type;
    }
  }

  SortedMap<String, Entry> entries();

  /**
   * Reads a tensor as float32.
   *
   * @throws RefusedException if the tensor is damaged, not floating-point, or holds a number beyond
   *     the range of float32
   */
  Tensor tensor(String name) throws IOException;

  @Override
  void close() throws IOException;

  /**
   * Opens a file; its first bytes determine the format.
   *
   * @throws RefusedException if the format is not known, or the file cannot be read in it
   */
  static Checkpoint open(Path file) throws IOException {
    return switch (FileKind.of(file)) {
      case ZIP -> TorchArchive.open(file);
      case SAFETENSORS -> SafetensorsCheckpoint.open(file);
    };
  }
}
