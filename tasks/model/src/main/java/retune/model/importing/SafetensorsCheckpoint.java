package retune.model.importing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import retune.model.BoundedFile;
import retune.model.Safetensors;
import retune.model.Tensor;
import retune.model.Weights;

/** A safetensors file; its numbers are float32. */
record SafetensorsCheckpoint(Weights weights) implements Checkpoint {
  static SafetensorsCheckpoint open(Path file) throws IOException {
    Weights weights =
        Safetensors.read(BoundedFile.read(file, BoundedFile.MAX_WEIGHTS), file.toString());
    if (weights.archive() != null) {
      throw new RefusedException(
          "contains an encoder as a whole file, so it is a version of Retune; register its folder"
              + " with register_model");
    }
    return new SafetensorsCheckpoint(weights);
  }

  @Override
  public SortedMap<String, Entry> entries() {
    SortedMap<String, Entry> entries = new TreeMap<>();
    weights
        .tensors()
        .forEach(
            (name, tensor) -> entries.put(name, new Entry(tensor.shape(), ElementType.FLOAT32)));
    return entries;
  }

  @Override
  public Tensor tensor(String name) {
    return weights.get(name);
  }

  @Override
  public void close() {}
}
