package retune.model.importing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SortedMap;
import retune.model.Tensor;

/**
 * The tensors of a file by the file's own names: a state dict ({@code .pth}, {@code .pt}), a
 * TorchScript archive, or safetensors.
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

  /** The tensor as float32; throws a {@link RefusedException} if float32 cannot hold a number. */
  Tensor tensor(String name) throws IOException;

  @Override
  void close() throws IOException;

  /**
   * Opens a file; its first bytes decide the format.
   *
   * @throws RefusedException if no known format can be read
   */
  static Checkpoint open(Path file) throws IOException {
    return switch (FileKind.of(file)) {
      case ZIP -> TorchArchive.open(file);
      case SAFETENSORS -> SafetensorsCheckpoint.open(file);
    };
  }
}
